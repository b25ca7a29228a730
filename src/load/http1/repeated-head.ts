const NOTHING = Buffer.alloc(0);
const NO_WORDS = new Float64Array(0);

/**
 * The last head of a connection, to recognise when it comes again: servers send the same one for a second at a time,
 * and comparing bytes is far cheaper than reading them.
 */
export class RepeatedHead {
  readonly #buffer: Buffer | undefined;
  readonly #bufferWords: Float64Array;
  #bytes = NOTHING;
  #words: Float64Array = NO_WORDS;

  /**
   * @param buffer where most bytes will lie, again and again; begins its own memory. What lies at its start is compared
   * eight bytes at a time.
   */
  constructor(buffer?: Buffer) {
    this.#buffer = buffer;
    this.#bufferWords = buffer ? wordsOf(buffer) : NO_WORDS;
  }

  /** How long the head is; 0: none is known. */
  get length(): number {
    return this.#bytes.length;
  }

  remember(bytes: Buffer, start: number, end: number): void {
    this.#bytes = Buffer.allocUnsafeSlow(end - start);
    bytes.copy(this.#bytes, 0, start, end);
    this.#words = wordsOf(this.#bytes);
  }

  forget(): void {
    this.#bytes = NOTHING;
    this.#words = NO_WORDS;
  }

  /** Whether `bytes` from `start` to before `end` begin with the head. */
  begins(bytes: Buffer, start: number, end: number): boolean {
    const { length } = this.#bytes;
    if (length === 0 || start + length > end) return false;
    if (start > 0 || bytes !== this.#buffer) return this.#bytes.compare(bytes, start, start + length) === 0;
    const words = this.#words;
    const other = this.#bufferWords;
    // As numbers, since only those are compared without a call. Two that are equal have equal bytes: only 0 and -0 have
    // not, and both hold bytes of zero, of which a head has none.
    for (let i = 0; i < words.length; i++) if (words[i] !== other[i]) return false;
    for (let i = words.length * 8; i < length; i++) if (this.#bytes[i] !== bytes[i]) return false;
    return true;
  }
}

function wordsOf(bytes: Buffer): Float64Array {
  return new Float64Array(bytes.buffer, bytes.byteOffset, bytes.length >>> 3);
}
