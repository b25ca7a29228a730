import type { Clock } from '../kernel/index.ts';
import type { Counting } from './counting.ts';
import { KeyTable } from './key-table.ts';
import type { Calendar } from './calendar.ts';

/** Counts per calendar period: the day, month or year of a time zone. At its end everything counts from zero. */
export class QuotaPeriods implements Counting {
  used = 0;
  readonly #calendar: Calendar;
  readonly #clock: Clock;
  readonly #table: KeyTable;
  #units = new Uint32Array(0);
  /** Beginning of the period each slot counts in, ms since the epoch. */
  #began = new Float64Array(0);
  #key = '';
  #slot = -1;
  #periodMs = 0;

  constructor(calendar: Calendar, clock: Clock, maxKeys: number) {
    this.#calendar = calendar;
    this.#clock = clock;
    this.#table = new KeyTable(
      {
        idle: (slot) => this.#began[slot] !== this.#periodMs,
        used: (slot) => this.#units[slot]!,
        grow: (capacity) => this.#grow(capacity),
        clear: (slot) => void (this.#units[slot] = 0),
      },
      maxKeys,
    );
  }

  look(key: string, cost: number, limit: number): boolean {
    this.#key = key;
    this.#periodMs = this.#calendar.periodAt(this.#clock.now()).beginsMs;
    this.#slot = this.#table.find(key);
    if (this.#slot >= 0 && this.#began[this.#slot] !== this.#periodMs) {
      this.#began[this.#slot] = this.#periodMs;
      this.#units[this.#slot] = 0;
    }
    this.used = this.#slot < 0 ? 0 : this.#units[this.#slot]!;
    return this.used + cost <= limit;
  }

  book(cost: number): number {
    if (this.#slot < 0) {
      this.#slot = this.#table.add(this.#key);
      this.#began[this.#slot] = this.#periodMs;
    }
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

  refund(key: string, cost: number, limit: number, receipt: number | undefined): void {
    this.look(key, 0, limit);
    if (this.#slot < 0 || (receipt !== undefined && receipt !== this.#periodMs)) return;
    this.used = Math.max(0, this.used - cost);
    this.#units[this.#slot] = this.used;
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

  #grow(capacity: number): void {
    const [units, began] = [this.#units, this.#began];
    this.#units = new Uint32Array(capacity);
    this.#units.set(units);
    this.#began = new Float64Array(capacity);
    this.#began.set(began);
  }
}
