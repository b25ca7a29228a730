import { PRIORITIES } from '../policy/index.ts';

/** A request that waits to be admitted. */
export interface Waiter {
  /** Index of its priority; 0 is the most deserving. */
  readonly priorityIndex: number;
  readonly sinceMs: number;
  /** By when its answer is of use, monotonic ms. */
  readonly deadlineMs: number;
  /** Called once: admitted, or refused after all. */
  readonly settle: (admitted: boolean) => void;
  /** Given up from outside. */
  gone: boolean;
}

/** A line that was never empty for this long is a standing one: then the newest are served first, who can still be in time. */
const STANDING_MS = 100;

/**
 * A bounded line by priority. While it moves it is first come, first served; when it stands, the newest come first, since
 * the oldest would be too late anyway. Whoever cannot be answered by its deadline is sent away, and a full line makes room
 * for a more deserving request at the cost of the least deserving.
 */
export class WaitingLine {
  readonly #capacity: number;
  readonly #lines: Waiter[][] = PRIORITIES.map(() => []);
  #size = 0;
  #nonEmptySinceMs = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#size;
  }

  /** How many wait who would be served before a newcomer of this priority. */
  aheadOf(priorityIndex: number): number {
    return this.#lines.slice(0, priorityIndex + 1).reduce((sum, line) => sum + line.length, 0);
  }

  /** False when the line is full of requests at least as deserving. */
  join(waiter: Waiter): boolean {
    if (this.#size >= this.#capacity && !this.#makeRoomFor(waiter)) return false;
    if (this.#size === 0) this.#nonEmptySinceMs = waiter.sinceMs;
    this.#lines[waiter.priorityIndex]!.push(waiter);
    this.#size++;
    return true;
  }

  /** The next to be served, after sending away those whose deadline `serviceMs` of work would miss. */
  next(nowMs: number, serviceMs: number): Waiter | undefined {
    const newestFirst = nowMs - this.#nonEmptySinceMs > STANDING_MS;
    for (const line of this.#lines) {
      while (line.length > 0) {
        const waiter = newestFirst ? line.pop()! : line.shift()!;
        this.#size--;
        if (waiter.gone) continue;
        if (nowMs + serviceMs <= waiter.deadlineMs) return waiter;
        waiter.settle(false);
      }
    }
    return undefined;
  }

  #makeRoomFor(waiter: Waiter): boolean {
    for (let index = this.#lines.length - 1; index > waiter.priorityIndex; index--) {
      const leaving = this.#lines[index]!.pop();
      if (!leaving) continue;
      this.#size--;
      if (!leaving.gone) leaving.settle(false);
      return true;
    }
    return false;
  }
}
