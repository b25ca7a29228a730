import type { CountGroup, StoredState } from '../ports/index.ts';

const MAX_KEYS = 10_000;
const RATE_PERIOD_MS = 1000;

/** Units of one key that this process may give out by itself until the lease ends. */
export interface Lease {
  readonly group: CountGroup;
  tokens: number;
  /** Monotonic ms. */
  readonly untilMs: number;
  readonly grantedMs: number;
  /** As the store answered, with all of the lease's units counted. */
  readonly states: readonly StoredState[];
}

/**
 * Which keys are hot, and what was leased for them. A key is hot when this process decides about it more often than a
 * threshold per second; its rate is counted over whole seconds, for a bounded number of keys.
 */
export class Leases {
  readonly #hotPerSecond: number;
  readonly #leases = new Map<string, Lease>();
  readonly #asking = new Map<string, Promise<unknown>>();
  #counts = new Map<string, number>();
  #countsBefore = new Map<string, number>();
  #periodEndsMs = 0;

  constructor(hotPerSecond: number) {
    this.#hotPerSecond = hotPerSecond;
  }

  /** Counts a decision about `key`; its rate per second where that makes it hot, otherwise 0. */
  rateOf(key: string, cost: number, nowMs: number): number {
    if (nowMs >= this.#periodEndsMs) {
      const isNext = nowMs < this.#periodEndsMs + RATE_PERIOD_MS;
      this.#countsBefore = isNext ? this.#counts : new Map();
      this.#counts = new Map();
      this.#periodEndsMs = nowMs + RATE_PERIOD_MS;
    }
    const count = (this.#counts.get(key) ?? 0) + cost;
    if (count > cost || this.#counts.size < MAX_KEYS) this.#counts.set(key, count);
    const rate = Math.max(count, this.#countsBefore.get(key) ?? 0);
    return rate >= this.#hotPerSecond ? rate : 0;
  }

  /** The key's lease, if it has `cost` units left and has not ended. */
  take(key: string, cost: number, nowMs: number): Lease | undefined {
    const lease = this.#leases.get(key);
    if (!lease || lease.untilMs <= nowMs || lease.tokens < cost) return undefined;
    lease.tokens -= cost;
    return lease;
  }

  /** What is left of a lease that is over or used up, once; for returning. */
  removeEnded(key: string, nowMs: number): Lease | undefined {
    const lease = this.#leases.get(key);
    if (!lease || lease.untilMs > nowMs) return undefined;
    this.#leases.delete(key);
    return lease.tokens > 0 ? lease : undefined;
  }

  add(key: string, lease: Lease): void {
    if (this.#leases.size < MAX_KEYS || this.#leases.has(key)) this.#leases.set(key, lease);
  }

  delete(key: string): void {
    this.#leases.delete(key);
  }

  /** The running request for a lease on `key`: whoever comes meanwhile waits for its answer instead of asking too. */
  asking(key: string): Promise<unknown> | undefined {
    return this.#asking.get(key);
  }

  ask(key: string, request: Promise<unknown>): void {
    this.#asking.set(key, request);
    const end = (): void => void this.#asking.delete(key);
    request.then(end, end);
  }
}
