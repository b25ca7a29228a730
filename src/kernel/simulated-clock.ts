import { sleepOn, type Clock, type Timer } from './clock.ts';

interface Pending {
  readonly dueMs: number;
  readonly order: number;
  readonly fn: () => void;
  readonly periodMs: number | undefined;
  readonly handle: { cancelled: boolean };
}

/**
 * A clock that moves only when told to. Timers fire in order of due time, then of creation, and between two of them
 * every promise that can settle does, so a run is the same each time.
 */
export class SimulatedClock implements Clock {
  #nowMs: number;
  readonly #startMs: number;
  #order = 0;
  #live = 0;
  /** Latest first, so that the earliest is taken from the end. Cancelled timers stay until they surface. */
  readonly #queue: Pending[] = [];

  /** @param startMs wall-clock start, ms since the epoch. Default 2026-01-01T00:00:00Z. */
  constructor(startMs = Date.UTC(2026, 0, 1)) {
    this.#nowMs = startMs;
    this.#startMs = startMs;
  }

  now(): number {
    return this.#nowMs;
  }

  monotonic(): number {
    return this.#nowMs - this.#startMs;
  }

  setTimer(fn: () => void, delayMs: number): Timer {
    return this.#add(fn, delayMs, undefined);
  }

  setRepeating(fn: () => void, periodMs: number): Timer {
    return this.#add(fn, periodMs, Math.max(1, periodMs));
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return sleepOn(this, delayMs, signal);
  }

  /** How many timers wait. A test can hold that nothing leaks. */
  get pendingTimers(): number {
    return this.#live;
  }

  /** When the next timer is due, or undefined when none waits. */
  get nextDueMs(): number | undefined {
    return this.#earliest()?.dueMs;
  }

  /** Moves time forward by `ms`, firing what falls due on the way. */
  async advance(ms: number): Promise<void> {
    const target = this.#nowMs + ms;
    await settle();
    for (let next = this.#earliest(); next && next.dueMs <= target; next = this.#earliest()) {
      this.#fire(next);
      await settle();
    }
    this.#nowMs = target;
    await settle();
  }

  /** Fires timers until `condition` holds; throws when it does not within `limitMs` of simulated time. */
  async until(condition: () => boolean, limitMs = 24 * 3_600_000): Promise<void> {
    const deadline = this.#nowMs + limitMs;
    await settle();
    while (!condition()) {
      const next = this.#earliest();
      if (!next || next.dueMs > deadline) {
        throw new Error(`The condition did not hold within ${limitMs} ms of simulated time.`);
      }
      this.#fire(next);
      await settle();
    }
  }

  #add(fn: () => void, delayMs: number, periodMs: number | undefined): Timer {
    const handle = { cancelled: false };
    this.#live++;
    this.#insert({ dueMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, fn, periodMs, handle });
    return {
      cancel: () => {
        if (handle.cancelled) return;
        handle.cancelled = true;
        this.#live--;
      },
    };
  }

  #insert(timer: Pending): void {
    let low = 0;
    let high = this.#queue.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = this.#queue[middle]!;
      if (other.dueMs > timer.dueMs || (other.dueMs === timer.dueMs && other.order > timer.order)) low = middle + 1;
      else high = middle;
    }
    this.#queue.splice(low, 0, timer);
  }

  #earliest(): Pending | undefined {
    while (this.#queue.at(-1)?.handle.cancelled) this.#queue.pop();
    return this.#queue.at(-1);
  }

  #fire(timer: Pending): void {
    this.#queue.pop();
    this.#nowMs = Math.max(this.#nowMs, timer.dueMs);
    if (timer.periodMs !== undefined) {
      this.#insert({ ...timer, dueMs: timer.dueMs + timer.periodMs, order: this.#order++ });
    } else {
      timer.handle.cancelled = true;
      this.#live--;
    }
    timer.fn();
  }
}

/** Lets every promise that can settle do so: a macrotask runs only when the microtask queue is empty. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
