import { createHash, randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import type { Endpoint } from '../http1/connection.ts';
import type { Fault } from '../transport.ts';
import { CLOSE, encodeFrame, FrameError, FrameParser, PING, PONG, TEXT, type FrameSink } from './frames.ts';
import { headLength, openLiveSocket, type LiveConnection, type LiveOwner } from './live-connection.ts';

/** What a key is joined with to prove that the server speaks WebSocket (RFC 6455, 1.3). */
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const MAX_HEAD_BYTES = 16_384;
/** Masks keep proxies from being fooled; from a load generator they need not be secret. */
let mask = randomBytes(4).readUInt32BE();

export interface WebSocketTarget {
  readonly endpoint: Endpoint;
  readonly authority: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** A WebSocket of little weight: no streams, no buffer of its own, no compression. */
export class WebSocketConnection implements LiveConnection, FrameSink {
  open = false;
  readonly #owner: LiveOwner;
  readonly #socket: Socket;
  readonly #expected: string;
  #head: Buffer | undefined;
  #parser: FrameParser | undefined;
  #gone = false;

  constructor(target: WebSocketTarget, owner: LiveOwner) {
    this.#owner = owner;
    const key = randomBytes(16).toString('base64');
    this.#expected = createHash('sha1')
      .update(key + GUID)
      .digest('base64');
    this.#socket = openLiveSocket(target.endpoint, {
      connected: (socket) => socket.write(handshake(target, key)),
      received: (bytes, length) => this.#received(bytes, length),
      lost: (fault, detail) => this.#lost(fault, detail),
    });
  }

  send(text: string): boolean {
    if (!this.open) return false;
    this.#write(TEXT, Buffer.from(text));
    return true;
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

  onMessage(bytes: Buffer, start: number, end: number): void {
    this.#owner.onMessage(bytes, start, end);
  }

  onControl(opcode: number, payload: Buffer): void {
    if (opcode === PING) this.#write(PONG, payload);
    else if (opcode === CLOSE)
      this.#lost('closed', `the server closed with ${payload.length >= 2 ? payload.readUInt16BE(0) : 'no code'}`);
  }

  #write(opcode: number, payload: Uint8Array): void {
    mask = (Math.imul(mask, 1_664_525) + 1_013_904_223) >>> 0;
    this.#socket.write(encodeFrame(opcode, payload, mask));
  }

  #received(bytes: Buffer, length: number): void {
    if (this.#gone) return;
    try {
      if (this.#parser) this.#parser.push(bytes, 0, length);
      else this.#shakeHands(bytes.subarray(0, length));
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.#lost('protocol', error.message);
    }
  }

  #shakeHands(bytes: Buffer): void {
    const head = Buffer.concat([this.#head ?? Buffer.alloc(0), bytes]);
    const length = headLength(head);
    if (length === 0) {
      if (head.length > MAX_HEAD_BYTES) throw new FrameError('the head of the answer is too long');
      this.#head = head;
      return;
    }
    const text = head.toString('latin1', 0, length);
    if (!text.startsWith('HTTP/1.1 101 ')) throw new FrameError(`no WebSocket: ${text.slice(0, 40).split('\r\n')[0]}`);
    if (/^sec-websocket-accept:[ \t]*(\S+)/im.exec(text)?.[1] !== this.#expected)
      throw new FrameError('the server did not prove that it speaks WebSocket');
    this.#head = undefined;
    this.#parser = new FrameParser(this);
    this.open = true;
    this.#owner.onOpen();
    if (head.length > length) this.#parser.push(head, length, head.length);
  }

  #lost(fault: Fault, detail: string): void {
    if (this.#gone) return;
    this.#gone = true;
    this.open = false;
    this.#socket.destroy();
    this.#owner.onClosed(fault, detail);
  }
}

function handshake({ authority, path, headers }: WebSocketTarget, key: string): string {
  const extra = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `GET ${path} HTTP/1.1\r\nhost: ${authority}\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-key: ${key}\r\nsec-websocket-version: 13\r\n${extra.join('')}\r\n`;
}
