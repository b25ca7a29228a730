import type { Clock } from '../kernel/index.ts';

/** Callers remembered; the one not seen for longest makes room. */
const MAX_CALLERS = 1024;

/** A token bucket per caller: `burst` at once, then `perSecond`. */
export class Pace {
  readonly #clock: Clock;
  readonly #perSecond: number;
  readonly #burst: number;
  readonly #callers = new Map<string, { left: number; atMs: number }>();

  constructor(clock: Clock, perSecond: number, burst: number) {
    this.#clock = clock;
    this.#perSecond = perSecond;
    this.#burst = burst;
  }

  /** Takes one; false when the caller has used up what it may. */
  take(caller: string): boolean {
    const bucket = this.#refilled(caller);
    if (bucket.left < 1) return false;
    bucket.left--;
    return true;
  }

  /** Whether {@link take} would succeed, without taking. */
  allows(caller: string): boolean {
    return this.#refilled(caller).left >= 1;
  }

  #refilled(caller: string): { left: number; atMs: number } {
    const nowMs = this.#clock.monotonic();
    const bucket = this.#callers.get(caller) ?? { left: this.#burst, atMs: nowMs };
    bucket.left = Math.min(this.#burst, bucket.left + ((nowMs - bucket.atMs) / 1000) * this.#perSecond);
    bucket.atMs = nowMs;
    this.#callers.delete(caller);
    this.#callers.set(caller, bucket);
    if (this.#callers.size > MAX_CALLERS) this.#callers.delete(this.#callers.keys().next().value!);
    return bucket;
  }
}
