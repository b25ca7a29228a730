import type { StoredLimit, StoredState } from '../ports/index.ts';

/** When a store decides: by its own clock, ms. */
export interface Moment {
  /** Monotonic; windows and rates go by it. */
  readonly nowMs: number;
  /** Since the epoch; calendar periods go by it. */
  readonly wallMs: number;
  /** Units are used up to so long from now. */
  readonly leaseMs: number;
}

/**
 * What counts under one limit of one key. `look` brings it up to the moment; the other methods speak of that moment until
 * the next `look`. Decides as the scripts in `redis-counter-scripts.ts` do.
 */
export interface StoredCount {
  /** Units that still fit; below 0 where the limit was lowered. */
  look(limit: StoredLimit, moment: Moment): number;
  book(units: number): void;
  /** As it stands, for a request that needs room for `atLeast`. */
  state(atLeast: number): StoredState;
  /** Takes back what still counts: of the booking with `receipt`, or without one what would run out first. */
  refund(units: number, receipt: number | undefined): void;
}

export function newCount(algorithm: StoredLimit['algorithm']): StoredCount {
  if (algorithm === 'sliding') return new SlidingCount();
  return algorithm === 'smooth' ? new SmoothCount() : new QuotaCount();
}

// Times carry rounding errors far below a microsecond.
const TOLERANCE = 1e-6;

/** A rolling window in buckets; the running one and the B before it count in full. */
class SlidingCount implements StoredCount {
  /** Buckets in use, oldest first. */
  readonly #cells: { readonly bucket: number; units: number }[] = [];
  #sum = 0;
  #limit!: StoredLimit;
  #nowMs = 0;
  /** Where units are booked now: where they may be used last. */
  #bucket = 0;

  look(limit: StoredLimit, { nowMs, leaseMs }: Moment): number {
    this.#limit = limit;
    this.#nowMs = nowMs;
    const { windowMs, buckets } = limit;
    const oldest = Math.floor((nowMs * buckets) / windowMs) - buckets;
    while (this.#cells.length > 0 && this.#cells[0]!.bucket < oldest) this.#sum -= this.#cells.shift()!.units;
    this.#bucket = Math.max(Math.floor(((nowMs + leaseMs) * buckets) / windowMs), this.#cells.at(-1)?.bucket ?? 0);
    return limit.limit - this.#sum;
  }

  book(units: number): void {
    const last = this.#cells.at(-1);
    if (last?.bucket === this.#bucket) last.units += units;
    else this.#cells.push({ bucket: this.#bucket, units });
    this.#sum += units;
  }

  state(atLeast: number): StoredState {
    const last = this.#cells.at(-1);
    return {
      used: this.#sum,
      resetMs: last ? this.#endsIn(last.bucket) : 0,
      retryAfterMs: this.#retryAfterMs(atLeast),
      receipt: this.#bucket,
    };
  }

  refund(units: number, receipt: number | undefined): void {
    let left = units;
    for (const cell of this.#cells) {
      if (receipt !== undefined && receipt !== cell.bucket) continue;
      const taken = Math.min(left, cell.units);
      cell.units -= taken;
      this.#sum -= taken;
      left -= taken;
    }
    for (let i = this.#cells.length - 1; i >= 0; i--) if (this.#cells[i]!.units === 0) this.#cells.splice(i, 1);
  }

  #retryAfterMs(atLeast: number): number {
    let excess = this.#sum + atLeast - this.#limit.limit;
    if (excess <= 0) return 0;
    if (atLeast > this.#limit.limit) return Infinity;
    for (const { bucket, units } of this.#cells) {
      excess -= units;
      if (excess <= 0) return this.#endsIn(bucket);
    }
    return Infinity;
  }

  #endsIn(bucket: number): number {
    const { windowMs, buckets } = this.#limit;
    return Math.max(0, Math.ceil(((bucket + buckets + 1) * windowMs) / buckets - this.#nowMs));
  }
}

/** The generic cell rate algorithm: its whole state is when the units booked so far will have run out. */
class SmoothCount implements StoredCount {
  #arrivalMs = -Infinity;
  #limit!: StoredLimit;
  #nowMs = 0;
  #intervalMs = 0;

  look(limit: StoredLimit, { nowMs }: Moment): number {
    this.#limit = limit;
    this.#nowMs = nowMs;
    this.#intervalMs = limit.windowMs / limit.limit;
    this.#arrivalMs = Math.max(this.#arrivalMs, nowMs);
    return Math.floor((nowMs - this.#arrivalMs) / this.#intervalMs + limit.burst + TOLERANCE);
  }

  book(units: number): void {
    this.#arrivalMs += units * this.#intervalMs;
  }

  state(atLeast: number): StoredState {
    const waitMs = this.#arrivalMs - this.#nowMs;
    const tooMuchMs = waitMs + (atLeast - this.#limit.burst) * this.#intervalMs;
    return {
      used: Math.max(0, Math.ceil(waitMs / this.#intervalMs - TOLERANCE)),
      resetMs: Math.ceil(waitMs - TOLERANCE),
      retryAfterMs: atLeast > this.#limit.burst ? Infinity : Math.max(0, Math.ceil(tooMuchMs - TOLERANCE)),
      receipt: this.#arrivalMs,
    };
  }

  refund(units: number, receipt: number | undefined): void {
    // Units run out in the order they were booked: of this booking, what lies between now and its receipt is left.
    const leftMs = Math.min(receipt ?? Infinity, this.#arrivalMs) - this.#nowMs;
    this.#arrivalMs -= Math.max(0, Math.min(units * this.#intervalMs, leftMs));
  }
}

/** A calendar period: at its end everything counts from zero. */
class QuotaCount implements StoredCount {
  #units = 0;
  #beginsMs = 0;
  #leftMs = 0;
  #limit = 0;

  look({ limit, periods }: StoredLimit, { wallMs }: Moment): number {
    const beginsMs = periods.findLast((edge) => edge <= wallMs) ?? 0;
    if (beginsMs !== this.#beginsMs) this.#units = 0;
    this.#beginsMs = beginsMs;
    this.#leftMs = (periods.find((edge) => edge > wallMs) ?? wallMs) - wallMs;
    this.#limit = limit;
    return limit - this.#units;
  }

  book(units: number): void {
    this.#units += units;
  }

  state(atLeast: number): StoredState {
    const fits = this.#units + atLeast <= this.#limit;
    const retryAfterMs = fits ? 0 : atLeast > this.#limit ? Infinity : Math.ceil(this.#leftMs);
    return { used: this.#units, resetMs: Math.ceil(this.#leftMs), retryAfterMs, receipt: this.#beginsMs };
  }

  refund(units: number, receipt: number | undefined): void {
    if (receipt === undefined || receipt === this.#beginsMs) this.#units = Math.max(0, this.#units - units);
  }
}
