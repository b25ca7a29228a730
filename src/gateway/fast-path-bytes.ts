const LINE_END = Buffer.from('\r\n');
const FIRST_ROOM = 256;
const NO_HEAD = Buffer.alloc(0);

/**
 * A prepared answer as one run of bytes that is written again for each request, with room for the fields that differ from
 * one to the next. The body stays where it is: a new text for each request would be ten kilobytes for V8 to collect.
 *
 *     (room) head field-lines CRLF body
 */
export class AnswerBytes {
  readonly #body: Buffer;
  #bytes: Buffer;
  /** Where the fields end and the empty line begins. */
  #fieldsEnd: number;
  #head: Buffer = NO_HEAD;
  #fieldsLength = -1;
  #whole: Buffer = NO_HEAD;

  constructor(body: Buffer) {
    this.#body = body;
    this.#bytes = NO_HEAD;
    this.#fieldsEnd = 0;
  }

  /**
   * The answer with this head, which ends in an empty line, and `fields` as its last lines, each with its line break. It
   * holds until the next call.
   */
  with(head: Buffer, fields: Buffer): Buffer {
    if (head !== this.#head || fields.length !== this.#fieldsLength) this.#layOut(head, fields.length);
    fields.copy(this.#bytes, this.#fieldsEnd - fields.length);
    return this.#whole;
  }

  #layOut(head: Buffer, fieldsLength: number): void {
    const headLength = head.length - LINE_END.length;
    if (headLength + fieldsLength > this.#fieldsEnd) this.#makeRoom(headLength + fieldsLength);
    const start = this.#fieldsEnd - fieldsLength - headLength;
    head.copy(this.#bytes, start, 0, headLength);
    this.#whole = this.#bytes.subarray(start);
    this.#head = head;
    this.#fieldsLength = fieldsLength;
  }

  #makeRoom(length: number): void {
    this.#fieldsEnd = length + FIRST_ROOM;
    this.#bytes = Buffer.allocUnsafeSlow(this.#fieldsEnd + LINE_END.length + this.#body.length);
    LINE_END.copy(this.#bytes, this.#fieldsEnd);
    this.#body.copy(this.#bytes, this.#fieldsEnd + LINE_END.length);
  }
}
