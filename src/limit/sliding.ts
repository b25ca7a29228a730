import type { Counting } from './counting.ts';

type Cells = Uint8Array | Uint16Array | Uint32Array;

/** Where a slot's sum and the number of its newest bucket are, in words; the ring follows. */
const SUM = 0;
const ROLLED_TO = 1;
const HEAD_WORDS = 2;

/**
 * A rolling window in buckets. The window is cut into B buckets, and a decision counts the running bucket and the B
 * before it in full: they cover at least the last window, whenever it is asked, so no rolling window ever holds more
 * than the limit. The price is that a unit counts for up to one bucket longer than the window.
 *
 * A key costs 8 bytes (its sum, and when its ring was last turned) and B + 1 cells of 1, 2 or 4 bytes, as the limit needs.
 * They lie side by side, so that a decision touches one or two lines of the processor's cache.
 */
export class SlidingWindows implements Counting {
  used = 0;
  readonly #windowMs: number;
  readonly #buckets: number;
  readonly #ring: number;
  readonly #limit: number;
  readonly #CellArray: new (buffer: ArrayBuffer) => Cells;
  /** Per slot, in words of 4 bytes: sum, number of the bucket it was last rolled to modulo 2³², ring. */
  readonly #wordsPerSlot: number;
  readonly #cellsPerWord: number;
  #words = new Uint32Array(0);
  #cells: Cells;
  #slot = -1;
  #bucket = 0;
  #nowMs = 0;

  /**
   * @param limit of an ordinary key, by which the use of slots is compared.
   * @param highestLimit the highest limit any key can have; it sets the width of the cells.
   */
  constructor(windowMs: number, buckets: number, limit: number, highestLimit: number) {
    this.#windowMs = windowMs;
    this.#buckets = buckets;
    this.#ring = buckets + 1;
    this.#limit = limit;
    this.#CellArray = highestLimit < 2 ** 8 ? Uint8Array : highestLimit < 2 ** 16 ? Uint16Array : Uint32Array;
    this.#cells = new this.#CellArray(this.#words.buffer);
    this.#cellsPerWord = 4 / this.#cells.BYTES_PER_ELEMENT;
    this.#wordsPerSlot = HEAD_WORDS + Math.ceil(this.#ring / this.#cellsPerWord);
  }

  look(slot: number, cost: number, limit: number, nowMs: number): boolean {
    this.#nowMs = nowMs;
    this.#bucket = this.#bucketAt(nowMs);
    this.#slot = slot;
    if (slot < 0) this.used = 0;
    else {
      const head = slot * this.#wordsPerSlot;
      if (this.#words[head + ROLLED_TO] !== this.#bucket >>> 0) this.#roll(head);
      this.used = this.#words[head + SUM]!;
    }
    return this.used + cost <= limit;
  }

  open(slot: number): void {
    this.#slot = slot;
    this.#words[slot * this.#wordsPerSlot + ROLLED_TO] = this.#bucket;
  }

  book(cost: number): number {
    const head = this.#slot * this.#wordsPerSlot;
    const cell = this.#firstCell(head) + (this.#bucket % this.#ring);
    this.#cells[cell] = this.#cells[cell]! + cost;
    this.used += cost;
    this.#words[head + SUM] = this.used;
    return this.#bucket;
  }

  retryAfterMs(cost: number, limit: number): number {
    if (cost > limit) return Infinity;
    let excess = this.used + cost - limit;
    if (excess <= 0) return 0;
    for (let bucket = this.#bucket - this.#buckets; bucket <= this.#bucket; bucket++) {
      excess -= this.#cells[this.#cellOf(bucket)]!;
      if (excess <= 0) return this.#runsOutIn(bucket);
    }
    return Infinity;
  }

  resetMs(): number {
    if (this.used === 0) return 0;
    for (let bucket = this.#bucket; bucket >= this.#bucket - this.#buckets; bucket--) {
      if (this.#cells[this.#cellOf(bucket)]! > 0) return this.#runsOutIn(bucket);
    }
    return 0;
  }

  refund(slot: number, cost: number, limit: number, receipt: number | undefined, nowMs: number): void {
    this.look(slot, 0, limit, nowMs);
    if (receipt !== undefined) {
      if (this.#bucket - receipt <= this.#buckets) this.#takeFrom(receipt, cost);
      return;
    }
    let left = cost;
    for (let bucket = this.#bucket - this.#buckets; bucket <= this.#bucket && left > 0; bucket++) {
      left -= this.#takeFrom(bucket, left);
    }
  }

  idle(slot: number): boolean {
    return this.#bucketsSince(slot * this.#wordsPerSlot) > this.#buckets;
  }

  usedShare(slot: number): number {
    return this.#words[slot * this.#wordsPerSlot + SUM]! / this.#limit;
  }

  grow(capacity: number): void {
    const words = new Uint32Array(capacity * this.#wordsPerSlot);
    words.set(this.#words);
    this.#words = words;
    this.#cells = new this.#CellArray(words.buffer);
  }

  clear(slot: number): void {
    this.#words.fill(0, slot * this.#wordsPerSlot, (slot + 1) * this.#wordsPerSlot);
  }

  #takeFrom(bucket: number, cost: number): number {
    const cell = this.#cellOf(bucket);
    const taken = Math.min(cost, this.#cells[cell]!);
    this.#cells[cell] = this.#cells[cell]! - taken;
    this.used -= taken;
    this.#words[this.#slot * this.#wordsPerSlot + SUM] = this.used;
    return taken;
  }

  // Multiplying first keeps whole ms exact, so two times one window apart are never more than B buckets apart.
  #bucketAt(nowMs: number): number {
    return Math.floor((nowMs * this.#buckets) / this.#windowMs);
  }

  #runsOutIn(bucket: number): number {
    const atMs = ((bucket + this.#ring) * this.#windowMs) / this.#buckets;
    return Math.max(0, Math.ceil(atMs - this.#nowMs));
  }

  #cellOf(bucket: number): number {
    return this.#firstCell(this.#slot * this.#wordsPerSlot) + (((bucket % this.#ring) + this.#ring) % this.#ring);
  }

  /** Index of a slot's first cell; `head` is the index of its first word. */
  #firstCell(head: number): number {
    return (head + HEAD_WORDS) * this.#cellsPerWord;
  }

  #bucketsSince(head: number): number {
    return (this.#bucket - this.#words[head + ROLLED_TO]!) >>> 0;
  }

  /** Empties the buckets that have left the window since the slot was last looked at. */
  #roll(head: number): void {
    const passed = this.#bucketsSince(head);
    this.#words[head + ROLLED_TO] = this.#bucket;
    let sum = this.#words[head + SUM]!;
    if (sum === 0) return;
    const first = this.#firstCell(head);
    if (passed > this.#buckets) {
      this.#cells.fill(0, first, first + this.#ring);
      sum = 0;
    } else {
      for (let bucket = this.#bucket - passed + 1; bucket <= this.#bucket; bucket++) {
        const cell = first + (bucket % this.#ring);
        sum -= this.#cells[cell]!;
        this.#cells[cell] = 0;
      }
    }
    this.#words[head + SUM] = sum;
  }
}
