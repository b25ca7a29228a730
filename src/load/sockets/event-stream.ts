import type { Socket } from 'node:net';
import { ProtocolError, ResponseParser, type AnswerSink } from '../http1/response-parser.ts';
import type { Fault } from '../transport.ts';
import { openLiveSocket, type LiveConnection, type LiveOwner } from './live-connection.ts';
import type { WebSocketTarget } from './websocket.ts';

const CR = 13;
const LF = 10;
/** Most bytes of an event that has not ended. */
const MAX_EVENT_BYTES = 1024 * 1024;

/** A stream of server-sent events; each event is handed on whole, its field names included. */
export class EventStreamConnection implements LiveConnection, AnswerSink {
  open = false;
  readonly #owner: LiveOwner;
  readonly #socket: Socket;
  readonly #parser: ResponseParser;
  #partial: Buffer | undefined;
  #gone = false;

  constructor({ endpoint, authority, path, headers }: WebSocketTarget, owner: LiveOwner) {
    this.#owner = owner;
    this.#parser = new ResponseParser(this);
    const extra = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    this.#socket = openLiveSocket(endpoint, {
      connected: (socket) =>
        socket.write(`GET ${path} HTTP/1.1\r\nhost: ${authority}\r\naccept: text/event-stream\r\n${extra.join('')}\r\n`),
      received: (bytes, length) => this.#received(bytes, length),
      lost: (fault, detail) => this.#lost(fault, detail),
    });
  }

  send(): boolean {
    return false;
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  destroy(): void {
    this.#gone = true;
    this.open = false;
    this.#socket.destroy();
  }

  onHead(status: number, bytes: Buffer, start: number, end: number): void {
    if (status !== 200 || !/^content-type:[ \t]*text\/event-stream/im.test(bytes.toString('latin1', start, end))) {
      throw new ProtocolError(`no event stream: status ${status}`);
    }
    this.open = true;
    this.#owner.onOpen();
  }

  onBody(bytes: Buffer, start: number, end: number): void {
    if (this.#partial) {
      bytes = Buffer.concat([this.#partial, bytes.subarray(start, end)]);
      [start, end] = [0, bytes.length];
      this.#partial = undefined;
    }
    for (let blank = blankLine(bytes, start, end); blank; blank = blankLine(bytes, start, end)) {
      this.#owner.onMessage(bytes, start, blank.at);
      start = blank.after;
    }
    if (end - start > MAX_EVENT_BYTES) throw new ProtocolError('an event does not end');
    if (start < end) this.#partial = Buffer.from(bytes.subarray(start, end));
  }

  onComplete(): void {
    this.#lost('closed', 'the server ended the stream');
  }

  expectsNoBody(): boolean {
    return false;
  }

  #received(bytes: Buffer, length: number): void {
    if (this.#gone) return;
    try {
      this.#parser.push(bytes, length);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#lost('protocol', error.message);
    }
  }

  #lost(fault: Fault, detail: string): void {
    if (this.#gone) return;
    this.#gone = true;
    this.open = false;
    this.#socket.destroy();
    this.#owner.onClosed(fault, detail);
  }
}

/** Where an event ends: two line ends in a row, be they LF or CRLF. */
function blankLine(bytes: Buffer, start: number, end: number): { at: number; after: number } | undefined {
  for (let at = bytes.indexOf(LF, start); at >= 0 && at < end; at = bytes.indexOf(LF, at + 1)) {
    if (at + 1 < end && bytes[at + 1] === LF) return { at, after: at + 2 };
    if (at + 2 < end && bytes[at + 1] === CR && bytes[at + 2] === LF) return { at, after: at + 3 };
  }
  return undefined;
}
