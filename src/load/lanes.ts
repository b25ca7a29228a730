import { BoundedQueue, type Clock, type Timer } from '../kernel/index.ts';
import type { Measurement, Series } from './measurement.ts';
import type { Answer, EncodedRequest, Exchange, Fault, Transport } from './transport.ts';

/** What is to be sent, and how it counts. */
export interface Sending {
  readonly request: EncodedRequest;
  readonly series: Series;
  /** Whether the answer's head and body are wanted. */
  readonly keep: boolean;
  /** Statuses that are no failure; undefined: all below 400. */
  readonly expect: readonly number[] | undefined;
}

/** What became of a request: an answer or a fault, its latency in ms, and when that was known, ms into the run. */
export type Outcome = (answer: Answer | undefined, fault: Fault | undefined, latencyMs: number, atMs: number) => void;

export interface LanesOptions {
  readonly transport: Transport;
  readonly measurement: Measurement;
  readonly clock: Clock;
  /** Monotonic ms at which the run begins. */
  readonly startMs: number;
  readonly timeoutMs: number;
  /** Most requests that may wait for a connection. */
  readonly maxWaiting: number;
}

/**
 * The way to one origin: sends on free connections, keeps requests of scenarios waiting in order while there is none,
 * and times every request from when it should have left.
 */
export class Lanes {
  /** Called when a connection is free and nobody waits for it. */
  onFree: () => void = () => {};
  readonly #options: LanesOptions;
  readonly #waiting: BoundedQueue<LaneExchange>;
  #sweep: Timer | undefined;

  constructor(options: LanesOptions) {
    this.#options = options;
    this.#waiting = new BoundedQueue(options.maxWaiting);
    options.transport.onFree = () => this.#freed();
  }

  /** Whether a request would leave at once. */
  get open(): boolean {
    return this.#options.transport.free > 0 && this.#waiting.size === 0;
  }

  get transport(): Transport {
    return this.#options.transport;
  }

  get measurement(): Measurement {
    return this.#options.measurement;
  }

  /** Monotonic ms into the run. */
  elapsedMs(): number {
    return this.#options.clock.monotonic() - this.#options.startMs;
  }

  /** A monotonic time as ms into the run. */
  sinceStart(monotonicMs: number): number {
    return monotonicMs - this.#options.startMs;
  }

  /** Sends as soon as a connection is free what should leave at `dueMs`; `nowMs`: the clock as just read. Both ms into the run. */
  send(sending: Sending, dueMs: number, nowMs: number, outcome: Outcome): void {
    const exchange = new LaneExchange(this, sending, dueMs, outcome);
    this.measurement.began(nowMs);
    if (this.open) this.#dispatch(exchange, nowMs);
    else if (!this.#waiting.push(exchange)) exchange.failed('late');
    else this.#armSweep();
  }

  close(): void {
    this.#sweep?.cancel();
    for (let exchange = this.#waiting.shift(); exchange; exchange = this.#waiting.shift()) exchange.failed('unfinished');
    this.#options.transport.close();
  }

  #dispatch(exchange: LaneExchange, nowMs: number): void {
    const { transport, startMs, measurement } = this.#options;
    const possibleMs = Math.max(exchange.dueMs, transport.freeSinceMs - startMs);
    transport.send(exchange, nowMs + startMs);
    measurement.sent(exchange.sending.series, Math.max(0, nowMs - possibleMs), nowMs);
  }

  #freed(): void {
    while (this.#waiting.size > 0 && this.#options.transport.free > 0) this.#dispatch(this.#waiting.shift()!, this.elapsedMs());
    if (this.open) this.onFree();
  }

  #armSweep(): void {
    if (this.#sweep || this.#waiting.size === 0) return;
    const { clock, timeoutMs } = this.#options;
    this.#sweep = clock.setTimer(() => this.#expire(), Math.min(100, Math.max(1, timeoutMs / 10)));
  }

  /** Gives up what has waited for the whole timeout. */
  #expire(): void {
    this.#sweep = undefined;
    const now = this.elapsedMs();
    for (let oldest = this.#waiting.peek(); oldest; oldest = this.#waiting.peek()) {
      if (now - oldest.dueMs < this.#options.timeoutMs) break;
      this.#waiting.shift();
      oldest.failed('late');
    }
    this.#armSweep();
  }
}

class LaneExchange implements Exchange {
  readonly sending: Sending;
  readonly dueMs: number;
  writtenMs = 0;
  readonly #lanes: Lanes;
  readonly #outcome: Outcome;

  constructor(lanes: Lanes, sending: Sending, dueMs: number, outcome: Outcome) {
    this.#lanes = lanes;
    this.sending = sending;
    this.dueMs = dueMs;
    this.#outcome = outcome;
  }

  get request(): EncodedRequest {
    return this.sending.request;
  }

  get keep(): boolean {
    return this.sending.keep;
  }

  answered(answer: Answer, atMs: number): void {
    const { series, expect } = this.sending;
    const now = this.#lanes.sinceStart(atMs);
    const latencyMs = now - this.dueMs;
    const serviceMs = atMs - this.writtenMs;
    const failure = (expect ? expect.includes(answer.status) : answer.status < 400) ? undefined : `status ${answer.status}`;
    this.#lanes.measurement.answered(series, answer.status, failure, answer.bodyBytes, latencyMs, serviceMs, now);
    this.#outcome(answer, undefined, latencyMs, now);
  }

  failed(fault: Fault): void {
    const now = this.#lanes.elapsedMs();
    const ageMs = now - this.dueMs;
    this.#lanes.measurement.failed(this.sending.series, fault, ageMs, now);
    this.#outcome(undefined, fault, ageMs, now);
  }
}
