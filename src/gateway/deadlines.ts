import type { Clock, Timer } from '../kernel/index.ts';

/** Something that must have happened by a time. */
export abstract class Deadline {
  /** Monotonic ms. */
  deadlineMs = Infinity;
  /** Its place in {@link Deadlines}; −1 when it is in none. */
  place = -1;
  abstract onDeadline(): void;
}

const LOOK_EVERY_MS = 50;

/**
 * Watches the deadlines of all requests with one timer for all: at thousands of requests a second, setting and clearing
 * a timer for each costs more than looking at those in flight every 50 ms.
 */
export class Deadlines {
  readonly #clock: Clock;
  readonly #lookEveryMs: number;
  readonly #waiting: Deadline[] = [];
  #timer: Timer | undefined;

  constructor(clock: Clock, lookEveryMs = LOOK_EVERY_MS) {
    this.#clock = clock;
    this.#lookEveryMs = lookEveryMs;
  }

  get size(): number {
    return this.#waiting.length;
  }

  add(deadline: Deadline): void {
    deadline.place = this.#waiting.push(deadline) - 1;
    this.#timer ??= this.#clock.setRepeating(() => this.#look(), this.#lookEveryMs);
  }

  remove(deadline: Deadline): void {
    if (deadline.place === -1) return;
    const last = this.#waiting.pop()!;
    if (last !== deadline) {
      last.place = deadline.place;
      this.#waiting[last.place] = last;
    }
    deadline.place = -1;
  }

  #look(): void {
    const now = this.#clock.monotonic();
    for (const deadline of this.#waiting.filter((one) => one.deadlineMs <= now)) deadline.onDeadline();
    if (this.#waiting.length > 0) return;
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}
