import type { Clock, Random, Timer } from '../../kernel/index.ts';
import type { OpenArrival, ReplayArrival } from '../arrival.ts';
import type { Endpoint } from '../http1/connection.ts';
import { encodeRequest } from '../http1/encode.ts';
import type { Lanes } from '../lanes.ts';
import type { Measurement, Series } from '../measurement.ts';
import type { Loop } from '../open-loop.ts';
import { cursorOf, type Cursor, type Turn } from '../schedule.ts';
import type { Fault } from '../transport.ts';
import type { ResolvedSockets } from './definition.ts';
import { EventStreamConnection } from './event-stream.ts';
import type { LiveConnection, LiveOwner } from './live-connection.ts';
import { readStamp, stampOf, systemMs } from './stamp.ts';
import { WebSocketConnection, type WebSocketTarget } from './websocket.ts';

/** How long a slow client reads between its pauses. */
const SLOW_READS_MS = 50;
/** When a client comes back after the server closed on it. */
const RETURN_MS = 1000;
/** How long the last messages have to arrive. */
const LAST_DELIVERIES_MS = 1000;
const CLOCK_GRAIN_MS = 0.001;

export interface SocketLoopOptions {
  readonly sockets: ResolvedSockets;
  readonly arrival: OpenArrival | ReplayArrival;
  readonly turn: Turn;
  readonly endpoint: Endpoint;
  readonly authority: string;
  /** For messages that are posted. */
  readonly lanes: Lanes;
  readonly measurement: Measurement;
  readonly clock: Clock;
  readonly random: Random;
  readonly durationMs: number;
}

/** What live connections count under: `latency{name:delivery}` and so on. */
const SCENARIO = 'sockets';

/**
 * Keeps many clients connected, sends messages when they are due, and times each delivery from that moment. A message
 * carries the moment in it, so a broadcast to a thousand clients is a thousand measured deliveries.
 */
export class SocketLoop implements Loop {
  readonly running = 0;
  readonly options: SocketLoopOptions;
  readonly #clients: Client[] = [];
  readonly #cursor: Cursor;
  readonly #timers = new Set<Timer>();
  /** System time minus this process's monotonic time, ms. */
  #systemOffsetMs = 0;
  #nextSocket: number;
  #nextSender = 0;
  #stopped = false;
  readonly #message: Series;
  readonly #delivery: Series;
  readonly #slowDelivery: Series;
  readonly #connection: Series;

  constructor(options: SocketLoopOptions) {
    this.options = options;
    this.#cursor = cursorOf(options.arrival, options.turn);
    this.#nextSocket = options.turn.worker;
    this.#message = this.seriesNamed('message');
    this.#delivery = this.seriesNamed('delivery');
    this.#slowDelivery = this.seriesNamed('slow delivery');
    this.#connection = this.seriesNamed('connection');
  }

  get idle(): boolean {
    return this.#stopped || this.options.lanes.elapsedMs() >= this.options.durationMs + LAST_DELIVERIES_MS;
  }

  start(): void {
    const { clock, sockets } = this.options;
    this.#systemOffsetMs = systemMs() - clock.monotonic();
    this.#connectDue();
    this.#sendDue();
    for (const storm of sockets.storms) this.later(sockets.ramp + storm.at, () => this.#storm(storm.share, storm.within));
  }

  stop(): void {
    this.#stopped = true;
    for (const timer of this.#timers) timer.cancel();
    for (const client of this.#clients) client.end();
  }

  seriesNamed(name: string): Series {
    return this.options.measurement.seriesFor({ scenario: SCENARIO, class: '', name });
  }

  /** Calls `fn` at `atMs` into the run, unless the run has ended. */
  later(atMs: number, fn: () => void): void {
    const timer = this.options.clock.setTimer(
      () => {
        this.#timers.delete(timer);
        if (!this.#stopped) fn();
      },
      Math.max(0, atMs - this.options.lanes.elapsedMs()),
    );
    this.#timers.add(timer);
  }

  /** A message reached a client. */
  delivered(bytes: Buffer, start: number, end: number, slow: boolean): void {
    const stampMs = readStamp(bytes, start, end);
    if (stampMs === undefined) return;
    const { clock, measurement, lanes } = this.options;
    const latencyMs = Math.max(0, clock.monotonic() + this.#systemOffsetMs - stampMs);
    const series = slow ? this.#slowDelivery : this.#delivery;
    series.bodyBytes += end - start;
    measurement.took(series, latencyMs, latencyMs, lanes.elapsedMs());
  }

  /** The server, or the network, ended a connection that stood. */
  lost(client: Client, fault: Fault): void {
    const { measurement, lanes } = this.options;
    measurement.failed(this.#connection, fault, 0, lanes.elapsedMs());
    const dueMs = lanes.elapsedMs() + RETURN_MS;
    this.later(dueMs, () => client.connect(dueMs, 'reconnect'));
  }

  #connectDue(): void {
    const { sockets, turn, lanes, random } = this.options;
    for (;;) {
      if (this.#nextSocket >= sockets.count) return;
      const dueMs = (this.#nextSocket / sockets.count) * sockets.ramp;
      if (dueMs > lanes.elapsedMs() + CLOCK_GRAIN_MS) return this.later(dueMs, () => this.#connectDue());
      const client = new Client(this, this.#nextSocket, random.next() < (sockets.slow?.share ?? 0));
      this.#clients.push(client);
      this.#nextSocket += turn.workers;
      client.connect(dueMs, 'connect');
    }
  }

  #sendDue(): void {
    const { sockets, lanes } = this.options;
    for (;;) {
      const dueMs = sockets.ramp + this.#cursor.dueMs;
      if (dueMs === Infinity) return;
      if (dueMs > lanes.elapsedMs() + CLOCK_GRAIN_MS) return this.later(dueMs, () => this.#sendDue());
      const { index } = this.#cursor;
      this.#cursor.advance();
      this.#send(index, dueMs);
    }
  }

  #send(index: number, dueMs: number): void {
    const { sockets, lanes, measurement, clock, authority } = this.options;
    measurement.planned++;
    measurement.punctual++;
    const now = lanes.elapsedMs();
    const stamp = stampOf(clock.monotonic() + this.#systemOffsetMs - (now - dueMs));
    const text = sockets.message?.(stamp, index) ?? JSON.stringify({ message: stamp });
    if (sockets.post !== undefined) {
      const request = encodeRequest('POST', sockets.post, authority, {
        body: text,
        headers: { 'content-type': 'application/json', ...sockets.headers },
      });
      return lanes.send({ request, series: this.#message, keep: false, expect: undefined }, dueMs, now, () => {});
    }
    if (this.#nextOpen()?.send(text)) return measurement.sent(this.#message, now - dueMs, now);
    measurement.missed++;
    measurement.punctual--;
    measurement.opened(now);
    measurement.failed(this.#message, 'late', now - dueMs, now);
  }

  /** Clients send in turn. */
  #nextOpen(): Client | undefined {
    for (let tried = 0; tried < this.#clients.length; tried++) {
      const client = this.#clients[this.#nextSender++ % this.#clients.length]!;
      if (client.open) return client;
    }
    return undefined;
  }

  /** A share of clients loses its connection at once, and comes back evenly within `withinMs`. */
  #storm(share: number, withinMs: number): void {
    const { lanes } = this.options;
    const hit = this.#clients.filter((_, at) => Math.floor((at + 1) * share) > Math.floor(at * share));
    const now = lanes.elapsedMs();
    for (const client of hit) client.drop();
    for (const [at, client] of hit.entries()) {
      const dueMs = now + (at / hit.length) * withinMs;
      this.later(dueMs, () => client.connect(dueMs, 'reconnect'));
    }
  }
}

/** One client, over all its connections. */
class Client {
  readonly #loop: SocketLoop;
  readonly #index: number;
  readonly #slow: boolean;
  #connection: LiveConnection | undefined;

  constructor(loop: SocketLoop, index: number, slow: boolean) {
    this.#loop = loop;
    this.#index = index;
    this.#slow = slow;
  }

  get open(): boolean {
    return this.#connection?.open === true;
  }

  send(text: string): boolean {
    return this.#connection?.send(text) ?? false;
  }

  /** Opens a connection that was due at `dueMs` into the run; `name` is what it counts under. */
  connect(dueMs: number, name: 'connect' | 'reconnect'): void {
    const { measurement, lanes, sockets, endpoint, authority } = this.#loop.options;
    const series = this.#loop.seriesNamed(name);
    const begunMs = lanes.elapsedMs();
    if (name === 'connect') {
      measurement.planned++;
      measurement.punctual++;
    }
    measurement.opened(begunMs);
    measurement.sent(series, Math.max(0, begunMs - dueMs), begunMs);
    const target: WebSocketTarget = { endpoint, authority, path: sockets.path, headers: sockets.headers };
    let stood = false;
    const owner: LiveOwner = {
      onOpen: () => {
        stood = true;
        const now = lanes.elapsedMs();
        measurement.took(series, now - dueMs, now - begunMs, now);
        this.#opened();
      },
      onMessage: (bytes, start, end) => this.#loop.delivered(bytes, start, end, this.#slow),
      onClosed: (fault) => {
        this.#connection = undefined;
        if (stood) return this.#loop.lost(this, fault);
        measurement.failed(series, fault, lanes.elapsedMs() - dueMs, lanes.elapsedMs());
      },
    };
    this.#connection =
      sockets.protocol === 'sse' ? new EventStreamConnection(target, owner) : new WebSocketConnection(target, owner);
  }

  /** Ends the connection as a failing network does. */
  drop(): void {
    this.#release();
  }

  end(): void {
    this.#release();
  }

  #opened(): void {
    const { sockets } = this.#loop.options;
    const messages = typeof sockets.subscribe === 'function' ? sockets.subscribe(this.#index) : sockets.subscribe;
    for (const message of messages) this.#connection?.send(message);
    if (this.#slow && sockets.slow) this.#dawdle(sockets.slow.pause);
  }

  #dawdle(pauseMs: number): void {
    const connection = this.#connection;
    const { lanes } = this.#loop.options;
    if (!connection?.open) return;
    connection.pause();
    this.#loop.later(lanes.elapsedMs() + pauseMs, () => {
      if (!connection.open) return;
      connection.resume();
      this.#loop.later(lanes.elapsedMs() + SLOW_READS_MS, () => this.#dawdle(pauseMs));
    });
  }

  #release(): void {
    const connection = this.#connection;
    if (!connection) return;
    this.#connection = undefined;
    connection.destroy();
  }
}
