/** Who hears of an answer as it comes in. Bytes are valid during the call only. */
export interface AnswerSink {
  /** A 1xx answer. Fields: names in lower case and values, in turn. */
  onInformation(status: number, fields: string[]): void;
  onHead(status: number, fields: string[]): void;
  onBody(bytes: Buffer, start: number, end: number): void;
  /** The answer is whole. `reusable`: its framing lets the connection carry another request. */
  onComplete(reusable: boolean, trailers: string[]): void;
  /** Whether the next answer is to a HEAD request, which has no body whatever its head says. */
  expectsNoBody(): boolean;
}

/** The endpoint broke HTTP/1.1; the message says how. */
export class AnswerError extends Error {}

/** Longest head, and longest trailer section, in bytes. */
const MAX_HEAD_BYTES = 65_536;
/** Longest line with a chunk's size. */
const MAX_LINE_BYTES = 4096;

const TOKEN = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
const TEXT = '[\\t\\x20-\\x7e\\x80-\\xff]*';
/** RFC 9112 §4 and §5: a status line and fields, no folded lines, no bare CR or LF, no space before a colon. */
const HEAD = new RegExp(`^HTTP/1\\.[01] [1-9]\\d\\d(?: ${TEXT})?\\r\\n(?:${TOKEN}:${TEXT}\\r\\n)*\\r\\n$`);
/** It is space to some parsers, and part of the value to others. */
const FRAMING_WITH_TAB = /^(?:content-length|transfer-encoding):[^\r]*\t/im;
const TRAILERS = new RegExp(`^(?:${TOKEN}:${TEXT}\\r\\n)*\\r\\n$`);
const QUOTED = '"[\\t\\x20\\x21\\x23-\\x5b\\x5d-\\x7e]*"';
const CHUNK_LINE = new RegExp(`^([0-9A-Fa-f]{1,12})(?:;${TOKEN}(?:=(?:${TOKEN}|${QUOTED}))?)*\\r\\n$`);

/** Fields that say where a message ends. */
const FRAMING = new Set(['content-length', 'transfer-encoding']);

const CR = 13;
const LF = 10;

/** What part of an answer comes next. */
const IN_HEAD = 0;
const IN_LENGTH_BODY = 1;
const IN_CHUNK_SIZE = 2;
const IN_CHUNK = 3;
const IN_CHUNK_END = 4;
const IN_TRAILERS = 5;
const IN_CLOSE_BODY = 6;

const NONE: string[] = [];

/**
 * Reads HTTP/1.1 answers (RFC 9112) as they come. Strict, because what it lets through goes on to clients: an answer that
 * another parser could read in another way is an {@link AnswerError}, as is a byte that nobody asked for.
 */
export class AnswerParser {
  readonly #sink: AnswerSink;
  #state = IN_HEAD;
  /** Part of a head, chunk line or trailer section that has not come whole. */
  #partial = '';
  /** Bytes still to come of the body or chunk; of the line end after a chunk. */
  #left = 0;
  #reusable = true;

  constructor(sink: AnswerSink) {
    this.#sink = sink;
  }

  /** Whether an answer has begun that is not whole. */
  get midway(): boolean {
    return this.#state !== IN_HEAD || this.#partial !== '';
  }

  /** How much of the body, or at least of it, is still to come; 0 outside of one. */
  get bodyBytesLeft(): number {
    switch (this.#state) {
      case IN_LENGTH_BODY:
        return this.#left;
      case IN_CHUNK:
      case IN_CHUNK_SIZE:
      case IN_CHUNK_END:
      case IN_CLOSE_BODY:
        return Infinity;
      default:
        return 0;
    }
  }

  /** @throws AnswerError */
  push(bytes: Buffer, length: number): void {
    for (let at = 0; at < length;) at = this.#step(bytes, at, length);
  }

  /** The endpoint ended the connection: true when that completes the answer rather than breaking it off. */
  finish(): boolean {
    if (this.#state !== IN_CLOSE_BODY) return false;
    this.#complete(false, NONE);
    return true;
  }

  #step(bytes: Buffer, at: number, end: number): number {
    switch (this.#state) {
      case IN_HEAD:
        return this.#head(bytes, at, end);
      case IN_LENGTH_BODY:
      case IN_CHUNK:
        return this.#counted(bytes, at, end);
      case IN_CHUNK_SIZE:
        return this.#chunkSize(bytes, at, end);
      case IN_CHUNK_END:
        return this.#chunkEnd(bytes, at);
      case IN_TRAILERS:
        return this.#trailers(bytes, at, end);
      default:
        this.#sink.onBody(bytes, at, end);
        return end;
    }
  }

  #head(bytes: Buffer, at: number, end: number): number {
    const text = this.#section(bytes, at, end, '\r\n\r\n', MAX_HEAD_BYTES);
    if (text === undefined) return end;
    const next = this.#after(at, text);
    if (!HEAD.test(text) || (text.includes('\t') && FRAMING_WITH_TAB.test(text)))
      throw new AnswerError(`not an HTTP/1.1 answer: ${excerpt(text)}`);
    const status = Number(text.slice(9, 12));
    const fields = fieldsIn(text, text.indexOf('\r\n') + 2);
    if (status === 101) throw new AnswerError('it switched protocols unasked');
    const isHttp11 = text.charCodeAt(7) === 0x31;
    if (status < 200 && !isHttp11) throw new AnswerError('HTTP/1.0 has no interim answers');
    if (status < 200) this.#sink.onInformation(status, fields);
    else this.#frame(status, isHttp11, fields);
    return next;
  }

  /** RFC 9112 §6.3: what follows the head, and §9.3: whether the connection lasts. */
  #frame(status: number, isHttp11: boolean, fields: string[]): void {
    let length = -1;
    let coding = '';
    this.#reusable = isHttp11;
    for (let i = 0; i < fields.length; i += 2) {
      const value = fields[i + 1]!;
      switch (fields[i]) {
        case 'content-length':
          if (length !== -1 || !/^\d{1,15}$/.test(value)) throw new AnswerError(`a Content-Length of ${excerpt(value)}`);
          length = Number(value);
          break;
        case 'transfer-encoding':
          if (coding !== '' || value === '' || !isHttp11) throw new AnswerError(`a Transfer-Encoding of ${excerpt(value)}`);
          coding = value.toLowerCase();
          break;
        case 'connection':
          if (/(?:^|,)[\t ]*close[\t ]*(?:,|$)/i.test(value)) this.#reusable = false;
          else if (!isHttp11 && /(?:^|,)[\t ]*keep-alive[\t ]*(?:,|$)/i.test(value)) this.#reusable = true;
      }
    }
    if (coding !== '' && length !== -1) throw new AnswerError('both Content-Length and Transfer-Encoding');
    const chunked = coding === 'chunked';
    // Without `chunked` at its end, a coded body goes on to the end of the connection.
    if (!chunked && coding.includes('chunked')) throw new AnswerError(`a Transfer-Encoding of ${excerpt(coding)}`);
    const bodiless = status === 204 || status === 304 || this.#sink.expectsNoBody();
    this.#sink.onHead(status, fields);
    if (bodiless || length === 0) this.#complete(this.#reusable, NONE);
    else if (chunked) this.#state = IN_CHUNK_SIZE;
    else if (length > 0) {
      this.#state = IN_LENGTH_BODY;
      this.#left = length;
    } else this.#state = IN_CLOSE_BODY;
  }

  #counted(bytes: Buffer, at: number, end: number): number {
    const stop = Math.min(end, at + this.#left);
    this.#left -= stop - at;
    this.#sink.onBody(bytes, at, stop);
    if (this.#left > 0) return stop;
    if (this.#state === IN_LENGTH_BODY) this.#complete(this.#reusable, NONE);
    else {
      this.#state = IN_CHUNK_END;
      this.#left = 2;
    }
    return stop;
  }

  #chunkSize(bytes: Buffer, at: number, end: number): number {
    const text = this.#section(bytes, at, end, '\r\n', MAX_LINE_BYTES);
    if (text === undefined) return end;
    const next = this.#after(at, text);
    const size = CHUNK_LINE.exec(text)?.[1];
    if (size === undefined) throw new AnswerError(`not the size of a chunk: ${excerpt(text)}`);
    this.#left = Number.parseInt(size, 16);
    this.#state = this.#left === 0 ? IN_TRAILERS : IN_CHUNK;
    return next;
  }

  #chunkEnd(bytes: Buffer, at: number): number {
    if (bytes[at] !== (this.#left === 2 ? CR : LF)) throw new AnswerError('a chunk that does not end with its size');
    if (--this.#left === 0) this.#state = IN_CHUNK_SIZE;
    return at + 1;
  }

  #trailers(bytes: Buffer, at: number, end: number): number {
    // Nearly always there are none, and the section is one empty line.
    const none = this.#partial === '' && bytes[at] === CR;
    const text = this.#section(bytes, at, end, none || this.#partial === '\r' ? '\r\n' : '\r\n\r\n', MAX_HEAD_BYTES);
    if (text === undefined) return end;
    const next = this.#after(at, text);
    if (!TRAILERS.test(text)) throw new AnswerError(`not a trailer section: ${excerpt(text)}`);
    const trailers = text === '\r\n' ? NONE : fieldsIn(text, 0);
    if (trailers.some((name, i) => i % 2 === 0 && FRAMING.has(name))) throw new AnswerError('framing in a trailer');
    this.#complete(this.#reusable, trailers);
    return next;
  }

  /** The text up to and with `mark`; undefined, and kept, when it has not come whole. */
  #section(bytes: Buffer, at: number, end: number, mark: string, maxBytes: number): string | undefined {
    const text = this.#partial + bytes.toString('latin1', at, Math.min(end, at + maxBytes + 1));
    const found = text.indexOf(mark, Math.max(0, this.#partial.length - mark.length));
    if (found === -1 || found + mark.length > maxBytes) {
      if (text.length > maxBytes) throw new AnswerError(`a head or line of more than ${maxBytes} bytes`);
      this.#partial = text;
      return undefined;
    }
    return text.slice(0, found + mark.length);
  }

  /** Where reading goes on behind `text`, of which a part had come before. */
  #after(at: number, text: string): number {
    const next = at + text.length - this.#partial.length;
    this.#partial = '';
    return next;
  }

  #complete(reusable: boolean, trailers: string[]): void {
    this.#state = IN_HEAD;
    this.#sink.onComplete(reusable, trailers);
  }
}

/** Names in lower case and values without the space around them, in turn. */
function fieldsIn(text: string, from: number): string[] {
  const fields: string[] = [];
  const last = text.length - 2;
  for (let at = from; at < last;) {
    const colon = text.indexOf(':', at);
    const end = text.indexOf('\r\n', colon);
    fields.push(lowerCase(text.slice(at, colon)), trimmed(text, colon + 1, end));
    at = end + 2;
  }
  return fields;
}

/** A value between `start` and `end`, without spaces and tabs around it. */
function trimmed(text: string, start: number, end: number): string {
  while (start < end && isSpace(text.charCodeAt(start))) start++;
  while (end > start && isSpace(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

const MOST_NAMES = 500;
const lowerNames = new Map<string, string>();

/** Servers use few names, and write each of them always the same. */
function lowerCase(name: string): string {
  const known = lowerNames.get(name);
  if (known !== undefined) return known;
  const lower = name.toLowerCase();
  if (lowerNames.size < MOST_NAMES) lowerNames.set(name, lower);
  return lower;
}

function excerpt(text: string): string {
  return JSON.stringify(text.slice(0, 40));
}
