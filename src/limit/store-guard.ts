import { Events, type Clock, type Counter, type Random, type Runtime, type Timer } from '../kernel/index.ts';
import { Deadlines } from './deadlines.ts';

const MISSES_TO_OPEN = 3;
const MISSES_WITHIN_MS = 1000;
const FIRST_PROBE_MS = 100;
const LONGEST_PROBE_PAUSE_MS = 400;
const MAX_WAITING = 20_000;

interface GuardEvents {
  down: { readonly error: unknown };
  up: { readonly downForMs: number };
}

/** What became of a call that missed its deadline: its answer came after all, or it failed. */
export interface Latecomer<T> {
  answered(value: T): void;
  failed(): void;
}

/**
 * Stands between decisions and the shared store: no call keeps a decision waiting longer than the deadline, and after
 * three misses within a second nobody asks any more. Then one probe at a time is sent; when it is answered in time,
 * `beforeUp` may settle what happened meanwhile, and calls go through again.
 */
export class StoreGuard {
  readonly events = new Events<GuardEvents>();
  readonly #ping: () => Promise<void>;
  readonly #beforeUp: () => Promise<void>;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #deadlineMs: number;
  readonly #deadlines: Deadlines;
  readonly #missed: Counter;
  readonly #missesMs: number[] = [];
  #downSinceMs: number | undefined;
  #pauseMs = FIRST_PROBE_MS;
  #timer: Timer | undefined;
  #closed = false;

  constructor(ping: () => Promise<void>, beforeUp: () => Promise<void>, deadlineMs: number, runtime: Runtime) {
    this.#ping = ping;
    this.#beforeUp = beforeUp;
    this.#clock = runtime.clock;
    this.#random = runtime.random;
    this.#deadlineMs = deadlineMs;
    this.#deadlines = new Deadlines(runtime.clock, deadlineMs, MAX_WAITING);
    this.#missed = runtime.metrics
      .counter({ name: 'spillway_limit_store_misses', help: 'Calls the shared store did not answer in time.' })
      .series();
  }

  /** Whether the store is believed to be away. */
  get isDown(): boolean {
    return this.#downSinceMs !== undefined;
  }

  /** The answer, or undefined when it did not come in time; then `late` hears what came of it. */
  call<T>(work: () => Promise<T>, late: Latecomer<T>): Promise<T | undefined> {
    return new Promise((resolve) => {
      const pending = this.#deadlines.add(() => {
        this.#miss(new Error('no answer in time'));
        resolve(undefined);
      });
      if (!pending) {
        this.#miss(new Error('too many calls wait for the store'));
        return resolve(undefined);
      }
      work().then(
        (value) => {
          if (pending.done) return late.answered(value);
          pending.done = true;
          resolve(value);
        },
        (error: unknown) => {
          if (pending.done) return late.failed();
          pending.done = true;
          this.#miss(error);
          resolve(undefined);
          queueMicrotask(() => late.failed());
        },
      );
    });
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  #miss(error: unknown): void {
    this.#missed.inc();
    if (this.isDown || this.#closed) return;
    const nowMs = this.#clock.monotonic();
    this.#missesMs.push(nowMs);
    if (this.#missesMs.length < MISSES_TO_OPEN) return;
    if (nowMs - this.#missesMs.shift()! > MISSES_WITHIN_MS) return;
    this.#missesMs.length = 0;
    this.#downSinceMs = nowMs;
    this.#pauseMs = FIRST_PROBE_MS;
    this.events.emit('down', { error });
    this.#probeLater();
  }

  #probeLater(): void {
    if (this.#closed) return;
    this.#timer = this.#clock.setTimer(() => void this.#probe(), this.#pauseMs * (0.8 + 0.4 * this.#random.next()));
    this.#pauseMs = Math.min(LONGEST_PROBE_PAUSE_MS, this.#pauseMs * 2);
  }

  async #probe(): Promise<void> {
    const startMs = this.#clock.monotonic();
    const answered = await this.#ping().then(
      () => true,
      () => false,
    );
    if (this.#closed) return;
    const tookMs = this.#clock.monotonic() - startMs;
    if (!answered || tookMs > this.#deadlineMs) return this.#probeLater();
    await this.#beforeUp();
    const downForMs = this.#clock.monotonic() - this.#downSinceMs!;
    this.#downSinceMs = undefined;
    this.events.emit('up', { downForMs });
  }
}
