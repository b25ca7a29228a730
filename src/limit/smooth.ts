import type { Counting } from './counting.ts';
import { KeyTable } from './key-table.ts';

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
  readonly #table: KeyTable;
  /** When the units booked so far will have run out, per slot. */
  #arrivalMs = new Float64Array(0);
  #key = '';
  #slot = -1;
  #nowMs = 0;
  #startMs = 0;
  #intervalMs = 0;

  /** @param burst how many units may come at once for a key with the limit `limit`; it grows with a key's own limit. */
  constructor(windowMs: number, limit: number, burst: number, maxKeys: number) {
    this.#windowMs = windowMs;
    this.#limit = limit;
    this.#burst = burst;
    this.#table = new KeyTable(
      {
        idle: (slot) => this.#arrivalMs[slot]! <= this.#nowMs,
        used: (slot) => this.#arrivalMs[slot]! - this.#nowMs,
        grow: (capacity) => {
          const old = this.#arrivalMs;
          this.#arrivalMs = new Float64Array(capacity);
          this.#arrivalMs.set(old);
        },
        clear: (slot) => void (this.#arrivalMs[slot] = 0),
      },
      maxKeys,
    );
  }

  /** How many units may come at once under a key's `limit`. */
  burstOf(limit: number): number {
    return limit === this.#limit ? this.#burst : Math.max(1, Math.round((this.#burst * limit) / this.#limit));
  }

  look(key: string, cost: number, limit: number, nowMs: number): boolean {
    this.#key = key;
    this.#nowMs = nowMs;
    this.#intervalMs = this.#windowMs / limit;
    this.#slot = this.#table.find(key);
    this.#startMs = this.#slot < 0 ? nowMs : Math.max(nowMs, this.#arrivalMs[this.#slot]!);
    this.used = Math.ceil((this.#startMs - nowMs) / this.#intervalMs - TOLERANCE_MS);
    return this.#startMs + (cost - this.burstOf(limit)) * this.#intervalMs <= nowMs + TOLERANCE_MS;
  }

  book(cost: number): number {
    if (this.#slot < 0) this.#slot = this.#table.add(this.#key);
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

  refund(key: string, cost: number, limit: number, receipt: number | undefined, nowMs: number): void {
    const slot = this.#table.find(key);
    if (slot < 0) return;
    const arrivalMs = this.#arrivalMs[slot]!;
    // Units run out in the order they were booked: of this booking, what lies between now and its receipt is left.
    const leftMs = (receipt === undefined ? arrivalMs : Math.min(receipt, arrivalMs)) - nowMs;
    this.#arrivalMs[slot] = arrivalMs - Math.max(0, Math.min((cost * this.#windowMs) / limit, leftMs));
  }

  reset(key: string): void {
    this.#table.delete(key);
  }

  get keys(): number {
    return this.#table.size;
  }

  get forgotten(): number {
    return this.#table.forgotten;
  }
}
