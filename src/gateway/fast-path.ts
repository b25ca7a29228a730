import type { Socket } from 'node:net';
import type { Clock, Counter } from '../kernel/index.ts';
import type { RouteMatch, RoutePolicy } from '../policy/index.ts';
import type { PreparedAnswer, PreparedAnswers } from '../ports/index.ts';
import { canonicalAddress } from './client-address.ts';
import { Deadline, Deadlines } from './deadlines.ts';
import { AnswerBytes } from './fast-path-bytes.ts';
import { forwardingFields } from './forwarding.ts';
import { PlainExchange, type ForwardedLines } from './plain-exchange.ts';
import { Recogniser, type PlainFields, type PlainRequest } from './recognise.ts';
import type { AnswerOwner } from './socket-answer.ts';
import type { TraceContext } from './trace-context.ts';

/** What the fast path is connected to. */
export interface FastPathConnections {
  /** How the connections come. With TLS they are those that are to speak HTTP/1.1, once secure. */
  readonly scheme: 'http' | 'https';
  readonly prepared?: PreparedAnswers | undefined;
  /**
   * Whether a request that came at `nowMs` (monotonic) may be answered here. False leaves it to the full path and must have
   * counted nothing; bytes are whole field lines (`name: value\r\n`) to send with the answer, read before the next call.
   */
  readonly admit: (route: RoutePolicy, clientIp: string, nowMs: number) => boolean | Buffer;
  /** Hears of every answer given from prepared bytes. */
  readonly onAnswer: (answer: FastAnswer) => void;
  readonly match: (method: string, path: string) => RouteMatch | undefined;
  /** Takes a request that is passed on. False leaves it to the full path, and must have counted nothing. */
  readonly pass?: ((exchange: PlainExchange) => boolean) | undefined;
  /** Hears of a request that was taken, once its answer is complete or broken off. */
  readonly onPassed: (exchange: PlainExchange) => void;
  readonly nextRequestId: () => string;
  /** Begins traces, where they are wanted; a request that belongs to one already is left to the full path then. */
  readonly trace: TraceContext | undefined;
  /** Takes over a connection for good. */
  readonly serveHttp: (socket: Socket) => void;
}

export interface FastAnswer {
  readonly answer: PreparedAnswer;
  readonly request: PlainRequest;
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

/** Up to this size head and body are kept joined, and written in one piece; not for TLS, which copies them anyway. */
const JOIN_BYTES = 16 * 1024;
/** What a client may send ahead while a request of its own is passed on; then it is not read from. */
const MOST_AHEAD_BYTES = 64 * 1024;
/** How often idle connections are looked for: a timer of each, set anew by each byte, would cost more. */
const LOOK_EVERY_MS = 1000;

/**
 * Answers plain requests straight on the socket: GETs of stored pages from bytes that are ready, and requests that are only
 * passed on by a {@link PlainExchange}. A connection starts here; at the first byte that is not a whole plain request of
 * either kind, the socket, that byte in front, goes to the HTTP server and stays there. So everything this path does not
 * fully understand is read by one parser only.
 */
export class FastPath {
  readonly connections: FastPathConnections;
  readonly limits: FastPathLimits;
  readonly clock: Clock;
  readonly recogniser: Recogniser;
  readonly idle: Deadlines;
  readonly #bytesOf = new WeakMap<PreparedAnswer, AnswerBytes>();
  readonly #held = new Set<FastConnection>();
  readonly #handedOver: Counter;
  readonly #keepAliveFields: string;
  #date = '';
  #dateSecond = 0;
  /** Requests being passed on. */
  passing = 0;
  draining = false;

  constructor(connections: FastPathConnections, limits: FastPathLimits, clock: Clock, handedOver: Counter) {
    this.connections = connections;
    this.limits = limits;
    this.clock = clock;
    this.recogniser = new Recogniser(limits.maxUrlBytes, connections.scheme);
    this.idle = new Deadlines(clock, Math.min(LOOK_EVERY_MS, limits.firstRequestMs, limits.keepAliveMs));
    this.#keepAliveFields = `connection: keep-alive\r\nkeep-alive: timeout=${Math.floor(limits.keepAliveMs / 1000)}\r\n`;
    this.#handedOver = handedOver;
  }

  accept(socket: Socket): void {
    if (this.draining) return this.connections.serveHttp(socket);
    const connection = new FastConnection(this, socket);
    this.#held.add(connection);
    connection.begin();
  }

  /**
   * From now on every request goes to the HTTP server, which tells its client to close; those being passed on are finished,
   * and theirs are told so with the answer.
   */
  drain(): void {
    this.draining = true;
  }

  /** Ends the connections still here that are between two requests. */
  closeIdle(): void {
    for (const connection of this.#held) connection.closeIdle();
  }

  release(connection: FastConnection): void {
    this.#held.delete(connection);
    this.idle.remove(connection);
  }

  handOver(connection: FastConnection, socket: Socket, rest: Buffer): void {
    this.release(connection);
    this.#handedOver.inc();
    socket.setTimeout(0);
    this.connections.serveHttp(socket);
    if (rest.length > 0) socket.emit('data', rest);
  }

  /** Answers from prepared bytes, when there are any for this request. Returns when, in monotonic ms. */
  answer(socket: Socket, request: PlainRequest, clientIp: string): number | undefined {
    const startMs = this.clock.monotonic();
    const nowMs = this.clock.now();
    const answer = this.connections.prepared?.(request, nowMs);
    if (!answer) return undefined;
    const admitted = this.connections.admit(answer.route, clientIp, startMs);
    if (admitted === false) return undefined;
    const bytes = this.#write(socket, answer, admitted === true ? NOTHING : admitted, nowMs);
    const endMs = this.clock.monotonic();
    this.connections.onAnswer({ answer, request, clientIp, bytes, durationMs: endMs - startMs });
    return endMs;
  }

  standingFields(hasDate: boolean): string {
    const going = this.draining ? 'connection: close\r\n' : this.#keepAliveFields;
    return hasDate ? going : `${this.#dateField()}${going}`;
  }

  #dateField(): string {
    const second = Math.floor(this.clock.now() / 1000);
    if (second !== this.#dateSecond) {
      this.#dateSecond = second;
      this.#date = `date: ${new Date(second * 1000).toUTCString()}\r\n`;
    }
    return this.#date;
  }

  /** Returns the bytes written. */
  #write(socket: Socket, answer: PreparedAnswer, fields: Buffer, nowMs: number): number {
    const head = answer.head(nowMs);
    const { body } = answer;
    const length = head.length + fields.length + body.length;
    if (length > JOIN_BYTES || this.connections.scheme === 'https') {
      socket.cork();
      socket.write(fields.length === 0 ? head : Buffer.concat([head.subarray(0, -LINE_END.length), fields, LINE_END]));
      socket.write(body);
      socket.uncork();
    } else {
      socket.write(this.#joined(answer).with(head, fields));
      // What the kernel has not taken yet is still read from these bytes: they are the socket's now.
      if (socket.writableLength > 0) this.#bytesOf.delete(answer);
    }
    return length;
  }

  #joined(answer: PreparedAnswer): AnswerBytes {
    let bytes = this.#bytesOf.get(answer);
    if (!bytes) this.#bytesOf.set(answer, (bytes = new AnswerBytes(answer.body)));
    return bytes;
  }
}

const LINE_END = Buffer.from('\r\n');
const NOTHING: Buffer = Buffer.alloc(0);

/** One connection as long as the fast path has it. */
class FastConnection extends Deadline implements AnswerOwner {
  readonly socket: Socket;
  readonly #path: FastPath;
  readonly #clientIp: string;
  /** The request being passed on. */
  #passing: PlainExchange | undefined;
  #toldToClose = false;
  /** What came while a request was passed on. */
  #ahead: Buffer = NOTHING;
  /** Whether bytes are being read: answers given meanwhile do not begin the next round. */
  #serving = false;
  /** The last that came alone, in a chunk of its own. */
  #lastRequest: PlainRequest | undefined;
  #linesOf: PlainFields | undefined;
  #lines: ForwardedLines | undefined;
  readonly #onData = (chunk: Buffer): void => this.#data(chunk);
  readonly #onEnd = (): void => void this.socket.end();
  readonly #onTimeout = (): void => void (this.#passing ?? this.socket.destroy());
  readonly #onError = (): void => void this.socket.destroy();
  readonly #onClose = (): void => this.#closed();

  constructor(path: FastPath, socket: Socket) {
    super();
    this.#path = path;
    this.socket = socket;
    this.#clientIp = canonicalAddress(socket.remoteAddress ?? '');
  }

  begin(): void {
    const { clock, limits, idle } = this.#path;
    this.deadlineMs = clock.monotonic() + limits.firstRequestMs;
    idle.add(this);
    this.socket.on('data', this.#onData);
    this.socket.on('end', this.#onEnd);
    this.socket.on('timeout', this.#onTimeout);
    this.socket.on('close', this.#onClose);
    this.socket.on('error', this.#onError);
  }

  /** It has been idle for too long, or takes its answer slowly: then Node watches whether it goes on doing so. */
  onDeadline(): void {
    this.deadlineMs = Infinity;
    if (this.socket.writableLength === 0) this.socket.destroy();
    else this.socket.setTimeout(this.#path.limits.keepAliveMs);
  }

  closeIdle(): void {
    if (!this.#passing) this.socket.end();
  }

  standingFields(hasDate: boolean): string {
    this.#toldToClose = this.#path.draining;
    return this.#path.standingFields(hasDate);
  }

  onAnswered(): void {
    const exchange = this.#passing!;
    this.#passing = undefined;
    this.#path.passing--;
    const nowMs = this.#path.clock.monotonic();
    exchange.durationMs = nowMs - exchange.startedMs;
    this.deadlineMs = nowMs + this.#path.limits.keepAliveMs;
    this.#path.connections.onPassed(exchange);
    if (exchange.aborted) return;
    if (this.#toldToClose) this.socket.destroySoon();
    else if (!this.#serving && this.#ahead.length > 0) this.#goOn();
  }

  #data(chunk: Buffer): void {
    if (this.#toldToClose) return;
    if (this.#passing) this.#keepFor(chunk);
    else this.#serve(chunk);
  }

  #serve(chunk: Buffer): void {
    this.#serving = true;
    const taken = this.#read(chunk);
    this.#serving = false;
    if (this.#toldToClose) return;
    if (taken < chunk.length) {
      const rest = taken === 0 ? chunk : chunk.subarray(taken);
      if (this.#passing) this.#keepFor(rest);
      else this.#handOver(rest);
    } else if (this.socket.writableNeedDrain) this.#waitForDrain();
  }

  /** Serves what requests it can, up to one that is passed on; returns their length. */
  #read(chunk: Buffer): number {
    // A client often asks for the same again: comparing is cheaper than reading.
    const last = this.#lastRequest;
    if (last && chunk.equals(last.bytes!)) return this.#take(last) ? chunk.length : 0;
    const { limits, recogniser } = this.#path;
    const text = chunk.toString('latin1');
    let at = 0;
    while (at < text.length && !this.#passing) {
      const end = text.indexOf('\r\n\r\n', at) + 4;
      if (end === 3 || end - at > limits.maxHeaderBytes) break;
      const isAll = at === 0 && end === text.length;
      const request = recogniser.recognise(isAll ? text : text.slice(at, end));
      if (!request) break;
      if (isAll) {
        request.bytes ??= chunk;
        this.#lastRequest = request;
      }
      if (!this.#take(request)) break;
      at = end;
    }
    return at;
  }

  /** False when the request is not served here. */
  #take(request: PlainRequest): boolean {
    const { draining, limits } = this.#path;
    if (draining || this.socket.writableNeedDrain) return false;
    const answeredMs = request.storable ? this.#path.answer(this.socket, request, this.#clientIp) : undefined;
    if (answeredMs === undefined) return this.#pass(request);
    this.deadlineMs = answeredMs + limits.keepAliveMs;
    return true;
  }

  #pass(request: PlainRequest): boolean {
    const { connections, clock } = this.#path;
    if (!connections.pass) return false;
    const { target } = request;
    const mark = target.indexOf('?');
    if (connections.trace && 'traceparent' in request.fields.byName) return false;
    const match = connections.match(request.method, mark === -1 ? target : target.slice(0, mark));
    if (!match) return false;
    const exchange = new PlainExchange(
      request,
      match.route,
      this.#linesFor(request.fields),
      connections.scheme,
      this.#clientIp,
      connections.nextRequestId(),
      clock.monotonic(),
      this,
      connections.trace?.next(),
    );
    this.#passing = exchange;
    this.#path.passing++;
    this.deadlineMs = Infinity;
    if (connections.pass(exchange)) return true;
    this.#passing = undefined;
    this.#path.passing--;
    return false;
  }

  /** A client sends the same fields with each of its requests: they are rewritten once. */
  #linesFor(fields: PlainFields): ForwardedLines {
    if (this.#linesOf === fields) return this.#lines!;
    const { authority } = fields;
    this.#linesOf = fields;
    this.#lines = {
      before: linesOf(['host', authority, ...fields.passedOn]),
      behind: linesOf(forwardingFields({ clientIp: this.#clientIp, scheme: this.#path.connections.scheme, authority })),
    };
    return this.#lines;
  }

  #handOver(rest: Buffer): void {
    this.socket.off('data', this.#onData);
    this.socket.off('end', this.#onEnd);
    this.socket.off('timeout', this.#onTimeout);
    this.socket.off('close', this.#onClose);
    this.socket.off('error', this.#onError);
    this.#path.handOver(this, this.socket, rest);
  }

  #keepFor(chunk: Buffer): void {
    this.#ahead = this.#ahead.length === 0 ? chunk : Buffer.concat([this.#ahead, chunk]);
    if (this.#ahead.length > MOST_AHEAD_BYTES) this.socket.pause();
  }

  #goOn(): void {
    const ahead = this.#ahead;
    this.#ahead = NOTHING;
    this.socket.resume();
    this.#serve(ahead);
  }

  /** A client that does not take its answers is not read from. */
  #waitForDrain(): void {
    this.socket.pause();
    this.socket.once('drain', () => this.socket.resume());
  }

  #closed(): void {
    this.#path.release(this);
    this.#passing?.response.onSocketClose();
  }
}

function linesOf(fields: readonly string[]): string {
  let text = '';
  for (let i = 0; i < fields.length; i += 2) text += `${fields[i]}: ${fields[i + 1]}\r\n`;
  return text;
}
