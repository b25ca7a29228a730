/** A wait has to last this long to be one of a standing queue. */
const STANDING_AFTER_MS = 100;
/** Beyond so many times its longest wait, work is late whatever the reason. */
const BURST = 2;

/**
 * Tells a standing queue from a burst (after CoDel, RFC 8289). When the loop was held up once, by a long turn or by other
 * programs of the machine, the requests that waited are still worth their answers; refusing them would lose work that is
 * soon done. When every request of a tenth of a second has waited too long, only refusing helps.
 */
export class Patience {
  /** Per priority index, from the most deserving: ms. */
  readonly #maxWaitMs: readonly number[];
  /** Per priority index, when a request last had not waited too long for it. */
  readonly #calmMs: Float64Array;
  #seenMs = -Infinity;

  constructor(maxWaitMs: readonly number[]) {
    this.#maxWaitMs = maxWaitMs;
    this.#calmMs = new Float64Array(maxWaitMs.length).fill(-Infinity);
  }

  /**
   * Whether work of a priority that has waited so long comes too late. If it does for one priority, it does for all that
   * deserve less.
   */
  isLate(priorityIndex: number, waitMs: number, nowMs: number): boolean {
    // Where nobody came for so long, no queue stood.
    if (nowMs - this.#seenMs > STANDING_AFTER_MS) this.#calmMs.fill(nowMs);
    this.#seenMs = nowMs;
    for (let i = 0; i < this.#calmMs.length && waitMs <= this.#maxWaitMs[i]!; i++) this.#calmMs[i] = nowMs;
    const maxWaitMs = this.#maxWaitMs[priorityIndex]!;
    if (waitMs <= maxWaitMs) return false;
    return waitMs > maxWaitMs * BURST || nowMs - this.#calmMs[priorityIndex]! >= STANDING_AFTER_MS;
  }
}
