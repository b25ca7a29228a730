/**
 * How one limit counts, for many keys, in memory. `look` finds what a request would do and leaves it in the object's
 * fields; `book` makes it so for the key last looked at. Nothing runs between the two, so several limits are looked at
 * first and booked together or not at all. Times are monotonic ms.
 */
export interface Counting {
  /** Units that count against the key now, as of the last `look`. */
  readonly used: number;
  /** Whether `cost` more units fit under `limit`. Changes no count. */
  look(key: string, cost: number, limit: number, nowMs: number): boolean;
  /** Counts `cost` for the key last looked at. The receipt says when, for {@link refund}. */
  book(cost: number): number;
  /** How long until `cost` units could fit under `limit`, for the key last looked at; Infinity: never. */
  retryAfterMs(cost: number, limit: number): number;
  /** How long until nothing counts against the key last looked at any more. */
  resetMs(): number;
  /**
   * Takes `cost` units back. With the receipt of their booking only what still counts of it is given back; without, the
   * units that would have run out first are, which never lets more through than was allowed.
   */
  refund(key: string, cost: number, limit: number, receipt: number | undefined, nowMs: number): void;
  reset(key: string): void;
  /** Keys held. */
  readonly keys: number;
  /** Keys forgotten while they still counted, because there was no room. */
  readonly forgotten: number;
}
