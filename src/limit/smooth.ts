import type { Counting } from './counting.ts';

// Times around 10⁹ ms carry a rounding error of 10⁻⁷ ms; a microsecond of tolerance keeps it out of decisions.
const TOLERANCE_MS = 0.001;

/**
 * The generic cell rate algorithm (ITU-T I.371): one unit every window ÷ limit, and up to `burst` at once after a pause.
 * The only state is the theoretical arrival time, 8 bytes a key. A window never holds more than burst + limit units.
 */
export class SmoothRates implements Counting {
  used = 0;
  readonly #windowMs: number;
  readonly #limit: number;
  readonly #burst: number;
  /** When the units booked so far will have run out, per slot. */
  #arrivalMs = new Float64Array(0);
  #slot = -1;
  #nowMs = 0;
  #startMs = 0;
  #intervalMs = 0;

  /** @param burst how many units may come at once for a key with the limit `limit`; it grows with a key's own limit. */
  constructor(windowMs: number, limit: number, burst: number) {
    this.#windowMs = windowMs;
    this.#limit = limit;
    this.#burst = burst;
  }

  /** How many units may come at once under a key's `limit`. */
  burstOf(limit: number): number {
    return limit === this.#limit ? this.#burst : Math.max(1, Math.round((this.#burst * limit) / this.#limit));
  }

  look(slot: number, cost: number, limit: number, nowMs: number): boolean {
    this.#nowMs = nowMs;
    this.#intervalMs = this.#windowMs / limit;
    this.#slot = slot;
    this.#startMs = slot < 0 ? nowMs : Math.max(nowMs, this.#arrivalMs[slot]!);
    this.used = Math.ceil((this.#startMs - nowMs) / this.#intervalMs - TOLERANCE_MS);
    return this.#startMs + (cost - this.burstOf(limit)) * this.#intervalMs <= nowMs + TOLERANCE_MS;
  }

  open(slot: number): void {
    this.#slot = slot;
  }

  book(cost: number): number {
    this.#startMs += cost * this.#intervalMs;
    this.#arrivalMs[this.#slot] = this.#startMs;
    this.used += cost;
    return this.#startMs;
  }

  retryAfterMs(cost: number, limit: number): number {
    const burst = this.burstOf(limit);
    if (cost > burst) return Infinity;
    return Math.max(0, Math.ceil(this.#startMs + (cost - burst) * this.#intervalMs - this.#nowMs - TOLERANCE_MS));
  }

  resetMs(): number {
    return Math.ceil(this.#startMs - this.#nowMs - TOLERANCE_MS);
  }

  refund(slot: number, cost: number, limit: number, receipt: number | undefined, nowMs: number): void {
    const arrivalMs = this.#arrivalMs[slot]!;
    // Units run out in the order they were booked: of this booking, what lies between now and its receipt is left.
    const leftMs = (receipt === undefined ? arrivalMs : Math.min(receipt, arrivalMs)) - nowMs;
    this.#arrivalMs[slot] = arrivalMs - Math.max(0, Math.min((cost * this.#windowMs) / limit, leftMs));
  }

  idle(slot: number): boolean {
    return this.#arrivalMs[slot]! <= this.#nowMs;
  }

  usedShare(slot: number): number {
    return ((this.#arrivalMs[slot]! - this.#nowMs) * this.#limit) / (this.#windowMs * this.#burst);
  }

  grow(capacity: number): void {
    const old = this.#arrivalMs;
    this.#arrivalMs = new Float64Array(capacity);
    this.#arrivalMs.set(old);
  }

  clear(slot: number): void {
    this.#arrivalMs[slot] = 0;
  }
}
