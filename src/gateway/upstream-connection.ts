import { connect as connectTcp, type Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { messageOf, type Clock } from '../kernel/index.ts';
import { AnswerError, AnswerParser, type AnswerSink } from './answer-parser.ts';
import { Deadline, type Deadlines } from './deadlines.ts';
import type { LentBuffer, LentBuffers } from './lent-buffer.ts';
import type { OutboundRequest } from './outbound-request.ts';
import { BodySender, type BodyListener } from './request-body.ts';

/** Why there is no answer, or no more of it. */
export type Fault = 'connect' | 'closed' | 'malformed' | 'paused';

/** A request that a connection carries, and whoever hears of its answer. */
export interface Carried {
  readonly request: OutboundRequest;
  /** It will not be answered: nobody wants it any more. */
  readonly abandoned: boolean;
  /** It is being written to this connection. */
  onSending(connection: UpstreamConnection): void;
  onInformation(status: number, fields: string[]): void;
  onHead(status: number, fields: string[]): void;
  /** False asks for a pause. */
  onData(chunk: Buffer): boolean | void;
  /** Whether it gives pieces of this body back. */
  readonly borrows: boolean;
  /** Bytes that are valid until it gives them back. False asks for a pause until then. */
  onLent(bytes: Buffer, giveBack: () => void): boolean;
  onEnd(trailers: string[]): void;
  onFault(fault: Fault, reason: string): void;
  onBodySent(bytes: number): void;
}

/** What a connection tells its pool. */
export interface ConnectionOwner {
  readonly origin: OriginAddress;
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  readonly buffers: LentBuffers;
  readonly connectTimeoutMs: number;
  /** 0: no bound. */
  readonly bodyTimeoutMs: number;
  /** Opens no more connections. */
  readonly closed: boolean;
  /** It carries nothing, and may take another request. */
  onFree(connection: UpstreamConnection): void;
  /** It is gone. `unanswered` was written to it when it had been idle, and may be tried on a new one. */
  onGone(connection: UpstreamConnection, unanswered: Carried | undefined): void;
}

export interface OriginAddress {
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
}

/** What is read at once. All connections share it: a read is used up, or copied, before the next one begins. */
const SHARED_BYTES = 65_536;
const sharedBuffer = Buffer.allocUnsafeSlow(SHARED_BYTES);

/** From so much on that is still to come, a connection reads into a buffer of its own, whose pieces are lent. */
const LARGE_BYTES = 65_536;
/** Shorter pieces are copied, for less than it takes to keep account of them. */
const SHORT_BYTES = 16_384;

/**
 * One HTTP/1.1 connection to an endpoint, which carries one request at a time. As a deadline it watches the time to connect,
 * and the pauses within an answer.
 */
export class UpstreamConnection extends Deadline implements AnswerSink, BodyListener {
  readonly #owner: ConnectionOwner;
  readonly #socket: Socket;
  readonly #parser: AnswerParser;
  #carried: Carried | undefined;
  #body: BodySender | undefined;
  #connected = false;
  #gone = false;
  #paused = false;
  /** What it reads into while it carries a large body. */
  #buffer: LentBuffer | undefined;
  /** Whether any of the answer to the request it carries has come, and whether its head has. */
  #heard = false;
  #headSeen = false;
  /** An answer is complete, and everything that was read must be: what is left over belongs to nobody. */
  #settled = false;
  #reusable = false;
  /** Requests it was given before. */
  #uses = 0;
  /** Monotonic ms until which it may be used again; set whenever it becomes idle. */
  idleUntilMs = 0;
  /** How long the endpoint keeps it, by its own word; Infinity when it does not say. */
  keepAliveMs = Infinity;

  constructor(owner: ConnectionOwner, first: Carried) {
    super();
    this.#owner = owner;
    this.#carried = first;
    this.#parser = new AnswerParser(this);
    this.deadlineMs = owner.clock.monotonic() + owner.connectTimeoutMs;
    owner.deadlines.add(this);
    this.#socket = this.#open(owner.origin);
    this.#socket.setNoDelay(true);
    this.#socket.on('error', (error) => this.#lost(this.#connected ? 'closed' : 'connect', messageOf(error)));
    this.#socket.on('end', () => this.#ended());
    this.#socket.on('close', () => this.#lost(this.#connected ? 'closed' : 'connect', 'the connection was closed'));
  }

  send(carried: Carried): void {
    const { request } = carried;
    this.#carried = carried;
    this.#heard = false;
    this.#headSeen = false;
    this.#uses++;
    carried.onSending(this);
    if (request.body === undefined) this.#socket.write(request.head, 'latin1');
    else this.#sendWithBody(request, request.body);
  }

  resume(): void {
    // What is lent is not read over: it asks again when it is free.
    if (!this.#paused || this.#buffer?.inUse) return;
    this.#paused = false;
    this.#awaitMore();
    this.#socket.resume();
  }

  /** Ends the connection; what it carries hears nothing more. */
  destroy(): void {
    this.#carried = undefined;
    this.#lost('closed', 'given up');
  }

  /** Ends the connection; what it carries fails. */
  stop(): void {
    this.#lost('closed', 'the proxy stopped');
  }

  override onDeadline(): void {
    if (this.#connected) this.#lost('paused', 'it paused too long within its answer');
    else this.#lost('connect', `no connection within ${this.#owner.connectTimeoutMs} ms`);
  }

  expectsNoBody(): boolean {
    return this.#carried?.request.isHead === true;
  }

  onInformation(status: number, fields: string[]): void {
    this.#expected().onInformation(status, fields);
  }

  onHead(status: number, fields: string[]): void {
    const carried = this.#expected();
    this.#headSeen = true;
    this.keepAliveMs = keepAliveOf(fields);
    carried.onHead(status, fields);
  }

  onBody(bytes: Buffer, start: number, end: number): void {
    const carried = this.#carried;
    if (!carried) return;
    const piece = bytes.subarray(start, end);
    const lent = this.#buffer?.bytes === bytes ? this.#buffer : undefined;
    if (lent && piece.length >= SHORT_BYTES && carried.borrows) {
      if (!carried.onLent(piece, lent.lend())) this.#paused = true;
      return;
    }
    // The receiver may keep it, and the buffer is read into again; but for what TLS has made for this piece alone.
    const kept = lent || bytes === sharedBuffer ? Buffer.from(piece) : piece;
    if (carried.onData(kept) === false) this.#paused = true;
  }

  onComplete(reusable: boolean, trailers: string[]): void {
    const carried = this.#carried;
    this.#carried = undefined;
    this.#settled = true;
    // A request that is not all sent would have its rest taken for the next one.
    this.#reusable = reusable && (this.#body === undefined || this.#body.complete);
    this.#body?.stop();
    this.#body = undefined;
    carried?.onEnd(trailers);
  }

  onBodySent(bytes: number): void {
    this.#carried?.onBodySent(bytes);
  }

  onBodyBroken(reason: Error): void {
    this.#lost('closed', messageOf(reason));
  }

  #open({ host, port, tls }: OriginAddress): Socket {
    if (!tls) {
      const callback = (length: number, bytes: Uint8Array): boolean => this.#received(bytes as Buffer, length);
      return connectTcp({ host, port, onread: { buffer: () => this.#nextBuffer(), callback } }, () => this.#onConnect());
    }
    const socket = connectTls({ host, port, servername: /[a-z]/i.test(host) && !host.includes(':') ? host : '' }, () =>
      this.#onConnect(),
    );
    socket.on('data', (chunk: Buffer) => {
      if (!this.#received(chunk, chunk.length)) socket.pause();
    });
    return socket;
  }

  #onConnect(): void {
    this.#connected = true;
    this.#owner.deadlines.remove(this);
    this.deadlineMs = Infinity;
    const carried = this.#carried;
    if (carried && !carried.abandoned) this.send(carried);
    else {
      this.#carried = undefined;
      this.#owner.onFree(this);
    }
  }

  #sendWithBody({ head, bodyBytes }: OutboundRequest, body: Readable | Uint8Array): void {
    if (body instanceof Uint8Array) {
      this.#socket.cork();
      this.#socket.write(head, 'latin1');
      this.#socket.write(body);
      this.#socket.uncork();
      this.onBodySent(body.byteLength);
      return;
    }
    this.#socket.write(head, 'latin1');
    this.#body = new BodySender(body, this.#socket, bodyBytes, this);
    this.#body.start();
  }

  /** False: no more is read until {@link resume}. */
  #received(bytes: Buffer, length: number): boolean {
    if (this.#gone) return false;
    try {
      this.#expected();
      this.#heard = true;
      this.#parser.push(bytes, length);
    } catch (error) {
      if (!(error instanceof AnswerError)) throw error;
      this.#lost('malformed', error.message);
      return false;
    }
    // Given up by whoever heard what it said.
    if (this.#gone) return false;
    if (this.#settled) this.#settle();
    else if (this.#carried && this.#headSeen) this.#awaitMore();
    return !this.#paused;
  }

  /** Where the next read goes. */
  #nextBuffer(): Buffer {
    const left = this.#parser.bodyBytesLeft;
    if (this.#buffer && left === 0) this.#retireBuffer();
    else if (!this.#buffer && left >= LARGE_BYTES && this.#carried?.borrows)
      this.#buffer = this.#owner.buffers.take(() => this.resume());
    return this.#buffer?.bytes ?? sharedBuffer;
  }

  #retireBuffer(): void {
    this.#buffer?.retire();
    this.#buffer = undefined;
  }

  /** Nothing may come in that nobody asked for: it could be taken for the answer to another request. */
  #expected(): Carried {
    if (!this.#carried) throw new AnswerError('bytes nobody asked for');
    return this.#carried;
  }

  #settle(): void {
    this.#settled = false;
    this.#paused = false;
    this.#endWatch();
    if (!this.#reusable || this.#parser.midway) this.#lost('closed', 'it is not used again');
    else this.#owner.onFree(this);
  }

  #awaitMore(): void {
    const { bodyTimeoutMs, deadlines, clock } = this.#owner;
    if (bodyTimeoutMs === 0) return;
    if (this.place === -1) deadlines.add(this);
    // While it is the client that does not take more, the endpoint is not to blame.
    this.deadlineMs = this.#paused ? Infinity : clock.monotonic() + bodyTimeoutMs;
  }

  #endWatch(): void {
    if (this.place === -1) return;
    this.#owner.deadlines.remove(this);
    this.deadlineMs = Infinity;
  }

  #ended(): void {
    if (this.#gone) return;
    if (this.#carried && this.#parser.finish()) this.#settle();
    else this.#lost('closed', 'the connection was closed');
  }

  #lost(fault: Fault, reason: string): void {
    if (this.#gone) return;
    this.#gone = true;
    const carried = this.#carried;
    this.#carried = undefined;
    this.#body?.stop();
    this.#endWatch();
    this.#socket.destroy();
    this.#retireBuffer();
    // An endpoint closes idle connections when it likes: a request that crossed with that was not refused by anyone.
    const mayRepeat = carried?.request.repeatable === true && !this.#owner.closed;
    const crossed = fault === 'closed' && this.#uses > 1 && !this.#heard && mayRepeat;
    this.#owner.onGone(this, crossed ? carried : undefined);
    if (!crossed) carried?.onFault(fault, reason);
  }
}

/** How much shorter than the endpoint says a connection is kept: a request must not cross with its closing. */
const KEEP_ALIVE_MARGIN_MS = 1000;

function keepAliveOf(fields: readonly string[]): number {
  for (let i = 0; i < fields.length; i += 2) {
    if (fields[i] !== 'keep-alive') continue;
    const seconds = /(?:^|[,\s])timeout=(\d{1,6})\b/i.exec(fields[i + 1]!)?.[1];
    return seconds === undefined ? Infinity : Number(seconds) * 1000 - KEEP_ALIVE_MARGIN_MS;
  }
  return Infinity;
}
