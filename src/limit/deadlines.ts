import { BoundedQueue, type Clock, type Timer } from '../kernel/index.ts';

/** Something that must be done in time. */
export interface Pending {
  /** Set by whoever finished it. */
  done: boolean;
  readonly dueMs: number;
  readonly onMissed: () => void;
}

// An answer may lie in the socket's buffer when a timer comes late: one more turn of the loop lets it be read first.
const READ_FIRST_MS = 1;

/**
 * The same deadline for many calls. They fall due in the order they were made, so one timer for the first is enough for
 * all, and a call costs no timer of its own.
 */
export class Deadlines {
  readonly #clock: Clock;
  readonly #delayMs: number;
  readonly #waiting: BoundedQueue<Pending>;
  #timer: Timer | undefined;
  #gaveTime = false;

  constructor(clock: Clock, delayMs: number, capacity: number) {
    this.#clock = clock;
    this.#delayMs = delayMs;
    this.#waiting = new BoundedQueue(capacity);
  }

  /** Calls `onMissed` unless the result is `done` in time; undefined when too many wait already. */
  add(onMissed: () => void): Pending | undefined {
    while (this.#waiting.peek()?.done) this.#waiting.shift();
    const pending: Pending = { done: false, dueMs: this.#clock.monotonic() + this.#delayMs, onMissed };
    if (!this.#waiting.push(pending)) return undefined;
    if (!this.#timer) this.#arm(this.#delayMs);
    return pending;
  }

  #arm(delayMs: number): void {
    this.#timer = this.#clock.setTimer(() => this.#look(), delayMs);
  }

  #look(): void {
    this.#timer = undefined;
    const nowMs = this.#clock.monotonic();
    for (let first = this.#waiting.peek(); first; first = this.#waiting.peek()) {
      if (!first.done) {
        if (first.dueMs > nowMs) return this.#arm(first.dueMs - nowMs);
        if (!this.#gaveTime) {
          this.#gaveTime = true;
          return this.#arm(READ_FIRST_MS);
        }
        first.done = true;
        first.onMissed();
      }
      this.#waiting.shift();
    }
    this.#gaveTime = false;
  }
}
