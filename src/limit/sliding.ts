import type { Counting } from './counting.ts';
import { KeyTable } from './key-table.ts';

type Cells = Uint8Array | Uint16Array | Uint32Array;

/**
 * A rolling window in buckets. The window is cut into B buckets, and a decision counts the running bucket and the B
 * before it in full: they cover at least the last window, whenever it is asked, so no rolling window ever holds more
 * than the limit. The price is that a unit counts for up to one bucket longer than the window.
 *
 * A key costs B + 2 cells of 1, 2 or 4 bytes, as the limit needs (its sum, then the ring of buckets), and 4 bytes that
 * say when the ring was last turned.
 */
export class SlidingWindows implements Counting {
  used = 0;
  readonly #windowMs: number;
  readonly #buckets: number;
  readonly #ring: number;
  /** Cells of one key: the sum, then the ring. */
  readonly #stride: number;
  readonly #CellArray: new (length: number) => Cells;
  readonly #table: KeyTable;
  #cells: Cells;
  /** Number of the bucket each slot was last rolled to, modulo 2³². */
  #rolledTo = new Uint32Array(0);
  #key = '';
  #slot = -1;
  #bucket = 0;
  #nowMs = 0;

  /** @param highestLimit the highest limit any key can have; it sets the width of the cells. */
  constructor(windowMs: number, buckets: number, highestLimit: number, maxKeys: number) {
    this.#windowMs = windowMs;
    this.#buckets = buckets;
    this.#ring = buckets + 1;
    this.#stride = buckets + 2;
    this.#CellArray = highestLimit < 2 ** 8 ? Uint8Array : highestLimit < 2 ** 16 ? Uint16Array : Uint32Array;
    this.#cells = new this.#CellArray(0);
    this.#table = new KeyTable(
      {
        idle: (slot) => this.#bucketsSince(slot) > this.#buckets,
        used: (slot) => this.#cells[slot * this.#stride]!,
        grow: (capacity) => this.#grow(capacity),
        clear: (slot) => void this.#cells.fill(0, slot * this.#stride, (slot + 1) * this.#stride),
      },
      maxKeys,
    );
  }

  look(key: string, cost: number, limit: number, nowMs: number): boolean {
    this.#key = key;
    this.#nowMs = nowMs;
    this.#bucket = this.#bucketAt(nowMs);
    this.#slot = this.#table.find(key);
    if (this.#slot < 0) this.used = 0;
    else {
      if (this.#rolledTo[this.#slot] !== this.#bucket >>> 0) this.#roll(this.#slot);
      this.used = this.#cells[this.#slot * this.#stride]!;
    }
    return this.used + cost <= limit;
  }

  book(cost: number): number {
    if (this.#slot < 0) {
      this.#slot = this.#table.add(this.#key);
      this.#rolledTo[this.#slot] = this.#bucket;
    }
    const sum = this.#slot * this.#stride;
    const cell = sum + 1 + (this.#bucket % this.#ring);
    this.#cells[cell] = this.#cells[cell]! + cost;
    this.used += cost;
    this.#cells[sum] = this.used;
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

  refund(key: string, cost: number, limit: number, receipt: number | undefined, nowMs: number): void {
    this.look(key, 0, limit, nowMs);
    if (this.#slot < 0) return;
    if (receipt !== undefined) {
      if (this.#bucket - receipt <= this.#buckets) this.#takeFrom(receipt, cost);
      return;
    }
    let left = cost;
    for (let bucket = this.#bucket - this.#buckets; bucket <= this.#bucket && left > 0; bucket++) {
      left -= this.#takeFrom(bucket, left);
    }
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

  #takeFrom(bucket: number, cost: number): number {
    const cell = this.#cellOf(bucket);
    const taken = Math.min(cost, this.#cells[cell]!);
    this.#cells[cell] = this.#cells[cell]! - taken;
    this.used -= taken;
    this.#cells[this.#slot * this.#stride] = this.used;
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
    return this.#slot * this.#stride + 1 + (((bucket % this.#ring) + this.#ring) % this.#ring);
  }

  #bucketsSince(slot: number): number {
    return (this.#bucket - this.#rolledTo[slot]!) >>> 0;
  }

  /** Empties the buckets that have left the window since the slot was last looked at. */
  #roll(slot: number): void {
    const passed = this.#bucketsSince(slot);
    this.#rolledTo[slot] = this.#bucket;
    const sum = slot * this.#stride;
    if (this.#cells[sum] === 0) return;
    if (passed > this.#buckets) {
      this.#cells.fill(0, sum, sum + this.#stride);
      return;
    }
    let left = this.#cells[sum]!;
    for (let bucket = this.#bucket - passed + 1; bucket <= this.#bucket; bucket++) {
      const cell = sum + 1 + (bucket % this.#ring);
      left -= this.#cells[cell]!;
      this.#cells[cell] = 0;
    }
    this.#cells[sum] = left;
  }

  #grow(capacity: number): void {
    const [cells, rolledTo] = [this.#cells, this.#rolledTo];
    this.#cells = new this.#CellArray(capacity * this.#stride);
    this.#cells.set(cells);
    this.#rolledTo = new Uint32Array(capacity);
    this.#rolledTo.set(rolledTo);
  }
}
