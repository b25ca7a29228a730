import type { Clock } from '../kernel/index.ts';
import type { Counting } from './counting.ts';
import type { Calendar } from './calendar.ts';

/** Counts per calendar period: the day, month or year of a time zone. At its end everything counts from zero. */
export class QuotaPeriods implements Counting {
  used = 0;
  readonly #calendar: Calendar;
  readonly #limit: number;
  readonly #clock: Clock;
  #units = new Uint32Array(0);
  /** Beginning of the period each slot counts in, ms since the epoch. */
  #began = new Float64Array(0);
  #slot = -1;
  #periodMs = 0;

  /** @param limit of an ordinary key, by which the use of slots is compared. */
  constructor(calendar: Calendar, limit: number, clock: Clock) {
    this.#calendar = calendar;
    this.#limit = limit;
    this.#clock = clock;
  }

  look(slot: number, cost: number, limit: number): boolean {
    this.#periodMs = this.#calendar.periodAt(this.#clock.now()).beginsMs;
    this.#slot = slot;
    if (slot >= 0 && this.#began[slot] !== this.#periodMs) {
      this.#began[slot] = this.#periodMs;
      this.#units[slot] = 0;
    }
    this.used = slot < 0 ? 0 : this.#units[slot]!;
    return this.used + cost <= limit;
  }

  open(slot: number): void {
    this.#slot = slot;
    this.#began[slot] = this.#periodMs;
  }

  book(cost: number): number {
    this.used += cost;
    this.#units[this.#slot] = this.used;
    return this.#periodMs;
  }

  retryAfterMs(cost: number, limit: number): number {
    if (cost > limit) return Infinity;
    return this.used + cost <= limit ? 0 : this.resetMs();
  }

  resetMs(): number {
    const nowMs = this.#clock.now();
    return this.#calendar.periodAt(nowMs).endsMs - nowMs;
  }

  refund(slot: number, cost: number, limit: number, receipt: number | undefined): void {
    this.look(slot, 0, limit);
    if (receipt !== undefined && receipt !== this.#periodMs) return;
    this.used = Math.max(0, this.used - cost);
    this.#units[this.#slot] = this.used;
  }

  idle(slot: number): boolean {
    return this.#began[slot] !== this.#periodMs;
  }

  usedShare(slot: number): number {
    return this.#units[slot]! / this.#limit;
  }

  grow(capacity: number): void {
    const [units, began] = [this.#units, this.#began];
    this.#units = new Uint32Array(capacity);
    this.#units.set(units);
    this.#began = new Float64Array(capacity);
    this.#began.set(began);
  }

  clear(slot: number): void {
    this.#units[slot] = 0;
  }
}
