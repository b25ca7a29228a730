import { highestInCell, TIMING_BITS } from '../kernel/index.ts';

/** The distribution of the last `intervals` intervals of a timing: what each added, forgotten as it leaves the window. */
export class RollingHistogram {
  readonly #cells = new Float64Array((33 - TIMING_BITS) * 2 ** TIMING_BITS);
  readonly #intervals: number[][];
  #next = 0;
  #count = 0;

  constructor(intervals: number) {
    this.#intervals = Array.from({ length: intervals }, () => []);
  }

  get count(): number {
    return this.#count;
  }

  /** @param added cell and count in turn, as {@link FleetTiming.addedCells} has them. Copied. */
  push(added: readonly number[]): void {
    const leaving = this.#intervals[this.#next]!;
    for (let at = 0; at < leaving.length; at += 2) this.#add(leaving[at]!, -leaving[at + 1]!);
    for (let at = 0; at < added.length; at += 2) this.#add(added[at]!, added[at + 1]!);
    this.#intervals[this.#next] = added.slice();
    this.#next = (this.#next + 1) % this.#intervals.length;
  }

  /** The values, in ms, that the shares `qs` (ascending, 0 … 1) do not exceed; NaN when the window is empty. */
  quantiles(qs: readonly number[]): number[] {
    if (this.#count === 0) return qs.map(() => NaN);
    const found: number[] = [];
    let seen = 0;
    for (let cell = 0; cell < this.#cells.length && found.length < qs.length; cell++) {
      seen += this.#cells[cell]!;
      while (found.length < qs.length && seen >= Math.max(1, Math.ceil(qs[found.length]! * this.#count)))
        found.push(highestInCell(cell, TIMING_BITS) / 1000);
    }
    return found;
  }

  #add(cell: number, count: number): void {
    this.#cells[cell]! += count;
    this.#count += count;
  }
}
