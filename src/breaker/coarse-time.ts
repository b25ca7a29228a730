import type { Clock } from '../kernel/index.ts';

const FRESH_FOR_MS = 20;

/**
 * Monotonic time to about 20 ms, for what is counted in buckets of many times that: reading the clock costs as much as
 * all else a breaker does for a call that went well. One timer for all breakers of a clock, and none while nobody asks.
 */
export class CoarseTime {
  readonly #clock: Clock;
  #nowMs = 0;
  #fresh = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Never ahead of the clock; behind by as much as the event loop is late, at most 20 ms more. */
  get nowMs(): number {
    return this.#fresh ? this.#nowMs : this.#read();
  }

  #read(): number {
    this.#nowMs = this.#clock.monotonic();
    this.#fresh = true;
    this.#clock.setTimer(() => (this.#fresh = false), FRESH_FOR_MS);
    return this.#nowMs;
  }
}

const byClock = new WeakMap<Clock, CoarseTime>();

/** The coarse time of `clock`, shared by everyone who asks for it. */
export function coarseTimeOf(clock: Clock): CoarseTime {
  let time = byClock.get(clock);
  if (!time) byClock.set(clock, (time = new CoarseTime(clock)));
  return time;
}
