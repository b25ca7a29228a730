import type { Socket } from 'node:net';
import type { Clock, Counter } from '../kernel/index.ts';
import type { RoutePolicy } from '../policy/index.ts';
import type { PreparedAnswer, PreparedAnswers } from '../ports/index.ts';
import { canonicalAddress } from './client-address.ts';
import { recognisePlainGet, type PlainGet } from './recognise.ts';

/** What the fast path is connected to. */
export interface FastPathConnections {
  readonly prepared: PreparedAnswers;
  /**
   * Whether a request may be answered here. False leaves it to the full path and must have counted nothing; a text is
   * whole field lines (`name: value\r\n`) to send with the answer.
   */
  readonly admit: (route: RoutePolicy, clientIp: string) => boolean | string;
  /** Hears of every answer given. */
  readonly onAnswer: (answer: FastAnswer) => void;
  /** Takes over a connection for good. */
  readonly serveHttp: (socket: Socket) => void;
}

export interface FastAnswer {
  readonly answer: PreparedAnswer;
  readonly get: PlainGet;
  readonly clientIp: string;
  /** Bytes written, head included. */
  readonly bytes: number;
  readonly durationMs: number;
}

export interface FastPathLimits {
  readonly maxHeaderBytes: number;
  readonly maxUrlBytes: number;
  /** How long a new connection may be silent, ms. */
  readonly firstRequestMs: number;
  /** How long a connection may be idle between requests, ms. */
  readonly keepAliveMs: number;
}

/** Heads that were recognised, by their text: clients send the same one again and again. */
const MOST_HEADS = 2000;
/** Up to this size head and body are joined once a second and written as one piece. */
const JOIN_BYTES = 128 * 1024;

/**
 * Answers plain GETs of stored pages straight on the socket, from bytes that are ready. A connection starts here; at the
 * first byte that is not a whole plain GET of a page at hand, the socket, that byte in front, goes to the HTTP server
 * and stays there. So everything this path does not fully understand is read by one parser only.
 */
export class FastPath {
  readonly #connections: FastPathConnections;
  readonly #limits: FastPathLimits;
  readonly #clock: Clock;
  readonly #heads = new Map<string, PlainGet>();
  readonly #joined = new WeakMap<Buffer, Buffer>();
  readonly #held = new Set<Socket>();
  readonly #handedOver: Counter;
  #draining = false;

  constructor(connections: FastPathConnections, limits: FastPathLimits, clock: Clock, handedOver: Counter) {
    this.#connections = connections;
    this.#limits = limits;
    this.#clock = clock;
    this.#handedOver = handedOver;
  }

  /** Connections that have not been handed over. */
  get held(): number {
    return this.#held.size;
  }

  accept(socket: Socket): void {
    if (this.#draining) return this.#connections.serveHttp(socket);
    new FastConnection(this, socket).begin();
  }

  /** From now on every request goes to the HTTP server, which tells its client to close. */
  drain(): void {
    this.#draining = true;
  }

  /** Ends the connections still here: all of them are between two requests. */
  closeIdle(): void {
    for (const socket of this.#held) socket.end();
  }

  begin(socket: Socket): void {
    this.#held.add(socket);
    socket.setTimeout(this.#limits.firstRequestMs);
  }

  end(socket: Socket): void {
    this.#held.delete(socket);
  }

  /** Answers what it can of `chunk` and returns how many bytes that was. */
  answer(socket: Socket, chunk: Buffer, clientIp: string): number {
    if (this.#draining) return 0;
    const startMs = this.#clock.monotonic();
    const nowMs = this.#clock.now();
    const text = chunk.toString('latin1');
    let at = 0;
    while (at < text.length) {
      const end = text.indexOf('\r\n\r\n', at) + 4;
      if (end === 3 || end - at > this.#limits.maxHeaderBytes || socket.writableNeedDrain) break;
      const get = this.#recognise(at === 0 && end === text.length ? text : text.slice(at, end));
      if (!get) break;
      const answer = this.#connections.prepared(get.authority, get.target, get.acceptEncoding, nowMs);
      if (!answer) break;
      const admitted = this.#connections.admit(answer.route, clientIp);
      if (admitted === false) break;
      const bytes = this.#write(socket, answer, admitted, nowMs);
      at = end;
      this.#connections.onAnswer({ answer, get, clientIp, bytes, durationMs: this.#clock.monotonic() - startMs });
    }
    return at;
  }

  handOver(socket: Socket, rest: Buffer): void {
    this.#held.delete(socket);
    this.#handedOver.inc();
    socket.setTimeout(0);
    this.#connections.serveHttp(socket);
    if (rest.length > 0) socket.emit('data', rest);
  }

  afterAnswer(socket: Socket): void {
    socket.setTimeout(this.#limits.keepAliveMs);
  }

  #recognise(head: string): PlainGet | undefined {
    const known = this.#heads.get(head);
    if (known) return known;
    const get = recognisePlainGet(head, this.#limits.maxUrlBytes);
    if (!get) return undefined;
    if (this.#heads.size >= MOST_HEADS) this.#heads.clear();
    this.#heads.set(head, get);
    return get;
  }

  /** Returns the bytes written. */
  #write(socket: Socket, answer: PreparedAnswer, fields: true | string, nowMs: number): number {
    const head = answer.head(nowMs);
    const { body } = answer;
    const length = head.length + body.length;
    if (fields !== true && fields !== '') {
      const end = Buffer.from(`${fields}\r\n`, 'latin1');
      writeTogether(socket, [head.subarray(0, -2), end, body]);
      return length - 2 + end.length;
    }
    if (length > JOIN_BYTES) writeTogether(socket, [head, body]);
    else socket.write(this.#join(head, body));
    return length;
  }

  #join(head: Buffer, body: Buffer): Buffer {
    let joined = this.#joined.get(head);
    if (!joined) this.#joined.set(head, (joined = Buffer.concat([head, body])));
    return joined;
  }
}

/** One connection as long as the fast path has it. */
class FastConnection {
  readonly #path: FastPath;
  readonly #socket: Socket;
  readonly #clientIp: string;
  #answered = false;
  readonly #onData = (chunk: Buffer): void => this.#data(chunk);
  readonly #onEnd = (): void => void this.#socket.end();
  readonly #onTimeout = (): void => void this.#socket.destroy();
  readonly #onClose = (): void => this.#path.end(this.#socket);

  constructor(path: FastPath, socket: Socket) {
    this.#path = path;
    this.#socket = socket;
    this.#clientIp = canonicalAddress(socket.remoteAddress ?? '');
  }

  begin(): void {
    this.#path.begin(this.#socket);
    this.#socket.on('data', this.#onData);
    this.#socket.on('end', this.#onEnd);
    this.#socket.on('timeout', this.#onTimeout);
    this.#socket.on('close', this.#onClose);
    this.#socket.on('error', this.#onTimeout);
  }

  #data(chunk: Buffer): void {
    const done = this.#path.answer(this.#socket, chunk, this.#clientIp);
    if (done > 0 && !this.#answered) {
      this.#answered = true;
      this.#path.afterAnswer(this.#socket);
    }
    if (done === chunk.length) {
      if (this.#socket.writableNeedDrain) this.#waitForDrain();
      return;
    }
    this.#socket.off('data', this.#onData);
    this.#socket.off('end', this.#onEnd);
    this.#socket.off('timeout', this.#onTimeout);
    this.#socket.off('close', this.#onClose);
    this.#socket.off('error', this.#onTimeout);
    this.#path.handOver(this.#socket, done === 0 ? chunk : chunk.subarray(done));
  }

  /** A client that does not take its answers is not read from. */
  #waitForDrain(): void {
    this.#socket.pause();
    this.#socket.once('drain', () => this.#socket.resume());
  }
}

function writeTogether(socket: Socket, pieces: readonly Buffer[]): void {
  socket.cork();
  for (const piece of pieces) socket.write(piece);
  socket.uncork();
}
