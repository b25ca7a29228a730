import { RepeatedHead } from './repeated-head.ts';

/** What a connection wants to hear while an answer comes in. Bytes are valid during the call only. */
export interface AnswerSink {
  /** The final head; `bytes` from `start` to `end` hold it with its blank line. */
  onHead(status: number, bytes: Buffer, start: number, end: number): void;
  onBody(bytes: Buffer, start: number, end: number): void;
  /** The answer is whole. `reusable`: the connection may carry another request; `more`: bytes have come after it. */
  onComplete(reusable: boolean, more: boolean): void;
  /** Whether the next answer is to a HEAD request, which has no body whatever its head says. */
  expectsNoBody(): boolean;
}

/** The peer broke HTTP/1.1; the message says how. */
export class ProtocolError extends Error {}

/** Longest head, and longest chunk-size line or trailer section, in bytes. */
const MAX_HEAD_BYTES = 65_536;
const MAX_LINE_BYTES = 4096;

const CR = 13;
const LF = 10;
const COLON = 58;
const SPACE = 32;
const TAB = 9;

/** RFC 9110's `tchar`: what a field name is made of. */
const TOKEN = new Uint8Array(256);
for (const char of "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") TOKEN[char.charCodeAt(0)] = 1;

/** What a part of an answer comes next. */
const HEAD = 0;
const LENGTH_BODY = 1;
const CHUNK_SIZE = 2;
const CHUNK_DATA = 3;
const CHUNK_END = 4;
const TRAILERS = 5;
const CLOSE_BODY = 6;
const WHOLE = 7;

/**
 * Reads HTTP/1.1 answers (RFC 9112) from bytes as they come. Strict: a bare LF, a space before a colon, a folded line,
 * two lengths, a length beside chunks or junk between answers is a {@link ProtocolError}, because a load test should say
 * so rather than guess.
 */
export class ResponseParser {
  readonly #sink: AnswerSink;
  #state = HEAD;
  /** Head, chunk-size or trailer bytes that did not come whole. */
  #partial: Buffer | undefined;
  /** Body bytes still to come of the body or chunk. */
  #left = 0;
  #keepAlive = true;
  #status = 0;
  // Found by #fields.
  #length = -1;
  #chunked = false;
  #encoded = false;
  /** The head that the above was found in. */
  readonly #repeated: RepeatedHead;

  /** @param buffer where bytes are read into, if it is the same every time. */
  constructor(sink: AnswerSink, buffer?: Buffer) {
    this.#sink = sink;
    this.#repeated = new RepeatedHead(buffer);
  }

  /** Whether an answer has begun that is not whole yet. */
  get midway(): boolean {
    return this.#state !== HEAD || this.#partial !== undefined;
  }

  /** Takes bytes in; throws {@link ProtocolError}. */
  push(bytes: Buffer, length: number): void {
    let at = 0;
    let end = length;
    if (this.#partial) {
      bytes = Buffer.concat([this.#partial, bytes.subarray(0, length)]);
      end = bytes.length;
      this.#partial = undefined;
    }
    while (at < end) {
      const before = at;
      at = this.#step(bytes, at, end);
      if (at < 0) return this.#keep(bytes, before, end);
      if (this.#state === WHOLE) this.#complete(this.#keepAlive, at < end);
    }
  }

  /** The peer closed the connection: true when that ends the answer rather than breaking it off. */
  finish(): boolean {
    if (this.#state !== CLOSE_BODY) return false;
    this.#complete(false, false);
    return true;
  }

  /** Reads on from `at`; the next position, or -1 when more bytes are needed first. */
  #step(bytes: Buffer, at: number, end: number): number {
    switch (this.#state) {
      case HEAD:
        return this.#head(bytes, at, end);
      case LENGTH_BODY:
      case CHUNK_DATA: {
        const stop = Math.min(end, at + this.#left);
        this.#left -= stop - at;
        this.#sink.onBody(bytes, at, stop);
        if (this.#left === 0) this.#state = this.#state === LENGTH_BODY ? WHOLE : CHUNK_END;
        return stop;
      }
      case CHUNK_SIZE:
        return this.#chunkSize(bytes, at, end);
      case CHUNK_END:
        if (end - at < 2) return -1;
        if (bytes[at] !== CR || bytes[at + 1] !== LF) throw new ProtocolError('a chunk does not end with CRLF');
        this.#state = CHUNK_SIZE;
        return at + 2;
      case TRAILERS:
        return this.#trailer(bytes, at, end);
      default:
        this.#sink.onBody(bytes, at, end);
        return end;
    }
  }

  #keep(bytes: Buffer, at: number, end: number): void {
    const limit = this.#state === HEAD ? MAX_HEAD_BYTES : MAX_LINE_BYTES;
    if (end - at > limit) throw new ProtocolError(`a head or chunk line exceeds ${limit} bytes`);
    this.#partial = Buffer.from(bytes.subarray(at, end));
  }

  #complete(reusable: boolean, more: boolean): void {
    this.#state = HEAD;
    this.#sink.onComplete(reusable, more);
  }

  #head(bytes: Buffer, start: number, end: number): number {
    if (this.#repeated.begins(bytes, start, end)) return this.#final(bytes, start, start + this.#repeated.length);
    this.#repeated.forget();
    const fieldsAt = lineEnd(bytes, start, end);
    if (fieldsAt < 0) return -1;
    const { status, minor } = statusLine(bytes, start, fieldsAt);
    this.#length = -1;
    this.#chunked = false;
    this.#encoded = false;
    this.#keepAlive = minor === 1;
    const bodyAt = this.#fields(bytes, fieldsAt, end);
    if (bodyAt < 0) return -1;
    if (bodyAt - start > MAX_HEAD_BYTES) throw new ProtocolError(`the head exceeds ${MAX_HEAD_BYTES} bytes`);
    if (status === 101) throw new ProtocolError('the server switched protocols unasked');
    if (status < 200) return bodyAt;
    this.#status = status;
    this.#repeated.remember(bytes, start, bodyAt);
    return this.#final(bytes, start, bodyAt);
  }

  /** The head of the answer itself, already understood. */
  #final(bytes: Buffer, start: number, end: number): number {
    this.#sink.onHead(this.#status, bytes, start, end);
    this.#state = this.#next(this.#status);
    return end;
  }

  /** RFC 9112, 6.3: what follows the head. */
  #next(status: number): number {
    if (status === 204 || status === 304 || this.#sink.expectsNoBody()) return WHOLE;
    if (this.#encoded) {
      if (this.#length >= 0) throw new ProtocolError('both Content-Length and Transfer-Encoding');
      return this.#chunked ? CHUNK_SIZE : CLOSE_BODY;
    }
    if (this.#length < 0) return CLOSE_BODY;
    this.#left = this.#length;
    return this.#length > 0 ? LENGTH_BODY : WHOLE;
  }

  /** Reads field lines up to the blank line; the position after it, or -1. */
  #fields(bytes: Buffer, start: number, end: number): number {
    for (let at = start; ;) {
      if (at + 1 >= end) return -1;
      if (bytes[at] === CR && bytes[at + 1] === LF) return at + 2;
      const next = lineEnd(bytes, at, end);
      if (next < 0) return -1;
      this.#field(bytes, at, next - 2);
      at = next;
    }
  }

  #field(bytes: Buffer, start: number, end: number): void {
    let colon = start;
    while (colon < end && TOKEN[bytes[colon]!] === 1) colon++;
    if (colon === start || bytes[colon] !== COLON) throw new ProtocolError(`not a header field: ${excerpt(bytes, start, end)}`);
    const length = colon - start;
    // Only three names matter, and their lengths and first letters tell them apart from nearly all others.
    const first = bytes[start]! | 0x20;
    if (first === 0x63) {
      if (length === 14 && nameIs(bytes, start, 'content-length')) this.#takeLength(value(bytes, colon + 1, end));
      else if (length === 10 && nameIs(bytes, start, 'connection')) this.#takeConnection(value(bytes, colon + 1, end));
    } else if (first === 0x74 && length === 17 && nameIs(bytes, start, 'transfer-encoding')) {
      this.#encoded = true;
      this.#chunked = /(?:^|,)\s*chunked\s*$/i.test(value(bytes, colon + 1, end));
    }
  }

  #takeLength(text: string): void {
    const length = /^\d{1,15}$/.test(text) ? Number(text) : -1;
    if (length < 0 || (this.#length >= 0 && this.#length !== length)) throw new ProtocolError(`bad Content-Length: ${text}`);
    this.#length = length;
  }

  #takeConnection(text: string): void {
    if (/(?:^|,)\s*close\s*(?:,|$)/i.test(text)) this.#keepAlive = false;
    else if (/(?:^|,)\s*keep-alive\s*(?:,|$)/i.test(text)) this.#keepAlive = true;
  }

  #chunkSize(bytes: Buffer, at: number, end: number): number {
    const next = lineEnd(bytes, at, end);
    if (next < 0) return -1;
    let size = 0;
    let digits = at;
    for (; digits < next; digits++) {
      const digit = hexDigit(bytes[digits]!);
      if (digit < 0) break;
      size = size * 16 + digit;
    }
    const after = bytes[digits]!;
    if (digits === at || digits - at > 12 || (after !== CR && after !== 59 && after !== SPACE && after !== TAB)) {
      throw new ProtocolError(`not a chunk size: ${excerpt(bytes, at, next - 2)}`);
    }
    this.#left = size;
    this.#state = size === 0 ? TRAILERS : CHUNK_DATA;
    return next;
  }

  #trailer(bytes: Buffer, at: number, end: number): number {
    const next = lineEnd(bytes, at, end);
    if (next < 0) return -1;
    if (next === at + 2) this.#state = WHOLE;
    return next;
  }
}

/** The position after the line's CRLF, or -1 when it is not whole; refuses control characters and bare CR or LF. */
function lineEnd(bytes: Buffer, start: number, end: number): number {
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!;
    if (byte >= SPACE || byte === TAB) continue;
    if (byte !== CR) throw new ProtocolError(byte === LF ? 'a line ends with a bare LF' : `control character ${byte} in a head`);
    if (at + 1 === end) return -1;
    if (bytes[at + 1] !== LF) throw new ProtocolError('a bare CR in a head');
    return at + 2;
  }
  return -1;
}

/** `HTTP/1.1 200 OK`: RFC 9112, 4. */
function statusLine(bytes: Buffer, start: number, end: number): { status: number; minor: number } {
  const minor = bytes[start + 7]! - 48;
  const [hundreds, tens, ones] = [bytes[start + 9]! - 48, bytes[start + 10]! - 48, bytes[start + 11]! - 48];
  const after = bytes[start + 12];
  const wellFormed =
    end - start >= 14 &&
    bytes.toString('latin1', start, start + 7) === 'HTTP/1.' &&
    (minor === 0 || minor === 1) &&
    bytes[start + 8] === SPACE &&
    hundreds >= 1 &&
    hundreds <= 9 &&
    isDigit(tens) &&
    isDigit(ones) &&
    (after === SPACE || after === CR);
  if (!wellFormed) throw new ProtocolError(`not an HTTP/1.1 answer: ${excerpt(bytes, start, end - 2)}`);
  return { status: hundreds * 100 + tens * 10 + ones, minor };
}

function isDigit(value: number): boolean {
  return value >= 0 && value <= 9;
}

function nameIs(bytes: Buffer, start: number, name: string): boolean {
  for (let i = 0; i < name.length; i++) if ((bytes[start + i]! | 0x20) !== name.charCodeAt(i)) return false;
  return true;
}

function value(bytes: Buffer, start: number, end: number): string {
  return bytes.toString('latin1', start, end).trim();
}

function hexDigit(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48;
  const letter = byte | 0x20;
  return letter >= 97 && letter <= 102 ? letter - 87 : -1;
}

function excerpt(bytes: Buffer, start: number, end: number): string {
  return JSON.stringify(bytes.toString('latin1', start, Math.min(end, start + 40)));
}
