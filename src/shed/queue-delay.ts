import type { Clock, Timer } from '../kernel/index.ts';

const LAG_PERIOD_MS = 20;
// A turn that begins this soon after the last one ended was waiting for it; after a longer pause the loop was idle.
const BACK_TO_BACK_MS = 1;

/**
 * How long a request has waited for the event loop before its code runs. The kernel's socket buffers and the loop's poll
 * batch hide that wait from the request's own timing. It shows in the turns of the loop: the first request of a turn
 * opens it and an immediate closes it. What is read in a turn has come at some time during the one before, so on the
 * average it has waited for half of that, and since this one began. Work that no request opened shows as a timer's lag.
 */
export class QueueDelay {
  readonly #clock: Clock;
  readonly #afterTurn: (fn: () => void) => unknown;
  readonly #timer: Timer;
  readonly #close = (): void => this.#closeTurn();
  #isOpen = false;
  #startMs = 0;
  #endMs = -Infinity;
  #lastTurnMs = 0;
  #lagMs = 0;
  #dueMs: number;

  constructor(clock: Clock, afterTurn: (fn: () => void) => unknown) {
    this.#clock = clock;
    this.#afterTurn = afterTurn;
    this.#dueMs = clock.monotonic() + LAG_PERIOD_MS;
    this.#timer = clock.setRepeating(() => {
      const nowMs = clock.monotonic();
      this.#lagMs = Math.max(0, nowMs - this.#dueMs);
      this.#dueMs = nowMs + LAG_PERIOD_MS;
    }, LAG_PERIOD_MS);
  }

  /** Marks that requests are being read in this turn of the loop; the earlier in the turn, the better. */
  turn(): void {
    if (this.#isOpen) return;
    this.#isOpen = true;
    this.#startMs = this.#clock.monotonic();
    if (this.#startMs - this.#endMs > BACK_TO_BACK_MS) this.#lastTurnMs = 0;
    this.#afterTurn(this.#close);
  }

  /** The average wait of the requests that are reached at `nowMs`, ms. */
  at(nowMs: number): number {
    return Math.max(nowMs - this.#startMs + this.#lastTurnMs / 2, this.#lagMs);
  }

  stop(): void {
    this.#timer.cancel();
  }

  #closeTurn(): void {
    this.#isOpen = false;
    // The timer ran late before the requests of this turn were read; those of the next have waited for this turn only.
    this.#lagMs = 0;
    this.#endMs = this.#clock.monotonic();
    this.#lastTurnMs = this.#endMs - this.#startMs;
  }
}
