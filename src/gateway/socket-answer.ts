import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { AnswerWriter } from './answer-writer.ts';

/** The connection an answer is written to. */
export interface AnswerOwner {
  readonly socket: Socket;
  /** Fields that every answer carries: `Date`, and how the connection goes on. */
  standingFields(hasDate: boolean): string;
  /** The answer is complete, or was broken off. */
  onAnswered(): void;
}

/** Up to this size head and body are joined and written as one text. */
const JOIN_BYTES = 16 * 1024;

/** An HTTP/1.1 answer, written straight to a socket as Node's `ServerResponse` would write it. */
export class SocketAnswer implements AnswerWriter {
  readonly #owner: AnswerOwner;
  readonly socket: Socket;
  readonly #toHead: boolean;
  statusCode = 0;
  /** Bytes written, head included. */
  bytes = 0;
  headersSent = false;
  destroyed = false;
  writableFinished = false;
  #closeListeners: (() => void)[] = [];
  /** The head, until it goes out with the first bytes of the body. */
  #head = '';
  #bodiless = false;
  #chunked = false;
  #trailers = '';

  /** @param toHead the request is a HEAD: whatever body is written stays here. */
  constructor(owner: AnswerOwner, toHead: boolean) {
    this.#owner = owner;
    this.socket = owner.socket;
    this.#toHead = toHead;
  }

  get writableLength(): number {
    return this.socket.writableLength;
  }

  writeHead(status: number, fields: readonly string[]): void {
    let text = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'unknown'}\r\n`;
    let hasDate = false;
    let hasLength = false;
    for (let i = 0; i < fields.length; i += 2) {
      const name = fields[i]!;
      if (name === 'date') hasDate = true;
      else if (name === 'content-length') hasLength = true;
      text += `${name}: ${fields[i + 1]!}\r\n`;
    }
    this.statusCode = status;
    this.headersSent = true;
    this.#bodiless = this.#toHead || status === 204 || status === 304;
    this.#chunked = !this.#bodiless && !hasLength;
    const framing = this.#chunked ? 'transfer-encoding: chunked\r\n\r\n' : '\r\n';
    this.#head = text + this.#owner.standingFields(hasDate) + framing;
  }

  writeEarlyHints(hints: Readonly<Record<string, string | string[]>>): void {
    let text = 'HTTP/1.1 103 Early Hints\r\n';
    for (const [name, value] of Object.entries(hints)) text += `${name}: ${[value].flat().join(', ')}\r\n`;
    this.#writeText(`${text}\r\n`);
  }

  write(chunk: Buffer, onTaken?: () => void): boolean {
    const isText = this.#head.length + chunk.length <= JOIN_BYTES;
    if (isText || this.#bodiless) {
      onTaken?.();
      return this.#bodiless || chunk.length === 0 || this.#writeText(this.#takeHead() + this.#framed(chunk));
    }
    this.bytes += chunk.length;
    if (this.#head === '' && !this.#chunked) return this.socket.write(chunk, onTaken);
    this.socket.cork();
    const opening = this.#takeHead() + (this.#chunked ? `${chunk.length.toString(16)}\r\n` : '');
    this.#writeText(opening);
    let more = this.socket.write(chunk, onTaken);
    if (this.#chunked) more = this.#writeText('\r\n');
    this.socket.uncork();
    return more;
  }

  end(last?: Buffer | string, encoding?: 'latin1'): void {
    if (this.writableFinished || this.destroyed) return;
    if (typeof last === 'string' && encoding === 'latin1' && !this.#chunked && !this.#bodiless)
      this.#writeText(this.#takeHead() + last);
    else this.#endWith(typeof last === 'string' ? Buffer.from(last, encoding) : last);
    this.writableFinished = true;
    this.#close();
  }

  addTrailers(trailers: Readonly<Record<string, string>>): void {
    for (const [name, value] of Object.entries(trailers)) this.#trailers += `${name}: ${value}\r\n`;
  }

  destroy(): void {
    this.socket.destroy();
  }

  once(_event: 'drain', listener: () => void): void {
    this.socket.once('drain', listener);
  }

  on(_event: 'close', listener: () => void): void {
    this.#closeListeners.push(listener);
  }

  /** Its connection is gone. */
  onSocketClose(): void {
    if (this.writableFinished || this.destroyed) return;
    this.destroyed = true;
    this.#close();
  }

  #endWith(last: Buffer | undefined): void {
    if (last) this.write(last);
    const rest = this.#takeHead() + (this.#chunked ? `0\r\n${this.#trailers}\r\n` : '');
    if (rest !== '') this.#writeText(rest);
  }

  #framed(chunk: Buffer): string {
    const text = chunk.toString('latin1');
    return this.#chunked ? `${chunk.length.toString(16)}\r\n${text}\r\n` : text;
  }

  #takeHead(): string {
    const head = this.#head;
    this.#head = '';
    return head;
  }

  #writeText(text: string): boolean {
    this.bytes += text.length;
    return this.socket.write(text, 'latin1');
  }

  #close(): void {
    for (const listener of this.#closeListeners) listener();
    this.#owner.onAnswered();
  }
}
