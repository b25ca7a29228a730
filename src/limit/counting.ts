/**
 * How one limit counts, in memory, in slots that a {@link KeyTable} gives to keys. `look` finds what a request would do and
 * leaves it in the object's fields; `book` makes it so in the slot last looked at. Nothing runs between the two, so several
 * limits are looked at first and booked together or not at all. Times are monotonic ms.
 */
export interface Counting {
  /** Units that count in the slot now, as of the last `look`. */
  readonly used: number;
  /** Whether `cost` more units fit under `limit`. Changes no count. A negative slot: of a key that has none. */
  look(slot: number, cost: number, limit: number, nowMs: number): boolean;
  /** Gives the key last looked at, which had none, an empty slot. */
  open(slot: number): void;
  /** Counts `cost` in the slot last looked at or opened. The receipt says when, for {@link refund}. */
  book(cost: number): number;
  /** How long until `cost` units could fit under `limit` in the slot last looked at; Infinity: never. */
  retryAfterMs(cost: number, limit: number): number;
  /** How long until nothing counts in the slot last looked at any more. */
  resetMs(): number;
  /**
   * Takes `cost` units back. With the receipt of their booking only what still counts of it is given back; without, the
   * units that would have run out first are, which never lets more through than was allowed.
   */
  refund(slot: number, cost: number, limit: number, receipt: number | undefined, nowMs: number): void;
  /** Whether nothing in the slot counts any more, as of the last `look` at any slot. */
  idle(slot: number): boolean;
  /** Which share of the limit is used; only compared. */
  usedShare(slot: number): number;
  /** Makes room for slots up to `capacity`. */
  grow(capacity: number): void;
  /** Empties a slot before it is given to another key. */
  clear(slot: number): void;
}
