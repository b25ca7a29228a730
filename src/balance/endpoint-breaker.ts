import { createBreaker, type Breaker, type BreakerEvents, type BreakerOptions } from '../breaker/index.ts';
import type { Events, Runtime, SpillwayError } from '../kernel/index.ts';

/** Who looked at the clock just before the pick is not late. */
const CLOCK_GRACE_MS = 1;

/**
 * The breaker round one endpoint. Who picks carries no ticket: a result belongs to the breaker's present state when its
 * request began in it.
 */
export class EndpointBreaker {
  readonly #breaker: Breaker;
  #ticket = 0;
  /** Monotonic ms since which tickets are the present one. */
  #sinceMs = -Infinity;

  /** @param dependency its name in metrics. */
  constructor(dependency: string, options: Omit<BreakerOptions, 'name'>, runtime: Runtime) {
    this.#breaker = createBreaker({ ...options, name: dependency }, runtime);
  }

  get name(): string {
    return this.#breaker.name;
  }

  get events(): Events<BreakerEvents> {
    return this.#breaker.events;
  }

  /** Another process has found the endpoint failing: for so long one failure is enough. */
  hint(forMs: number): void {
    this.#breaker.hint(forMs);
  }

  admits(nowMs: number): boolean {
    const ticket = this.#breaker.tryAcquire();
    if (ticket === 0) return false;
    if (ticket !== this.#ticket) {
      if (this.#ticket !== 0) this.#sinceMs = nowMs;
      this.#ticket = ticket;
    }
    return true;
  }

  record(failed: boolean, latencyMs: number, nowMs: number, retryAfterMs: number): void {
    const ticket = nowMs - latencyMs >= this.#sinceMs - CLOCK_GRACE_MS ? this.#ticket : 0;
    this.#breaker.record(ticket, failed ? 'gatewayError' : 'success', latencyMs, retryAfterMs);
  }

  refusal(): SpillwayError {
    return this.#breaker.refusal();
  }
}
