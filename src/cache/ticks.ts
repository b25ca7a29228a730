const TICK_MS = 16;
const LAST_TICK = 2 ** 31 - 1;

/**
 * Coarse moments as small integers, which V8 keeps inside an object where a time in ms would be a further one: reading
 * one saves a fetch from memory at every hit. Both directions err to the safe side; after a year everything is "over".
 */
export class Ticks {
  readonly #startMs: number;

  constructor(startMs: number) {
    this.#startMs = startMs;
  }

  /** The tick `nowMs` lies in, rounded up. */
  now(nowMs: number): number {
    return Math.min(LAST_TICK, (nowMs - this.#startMs) / TICK_MS + 1) | 0;
  }

  /** The last tick that is surely before `untilMs`. */
  before(untilMs: number): number {
    return Math.floor(Math.max(0, Math.min(LAST_TICK - 1, (untilMs - this.#startMs) / TICK_MS)));
  }
}
