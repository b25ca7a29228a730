import { formatDuration, systemClock, type Runtime } from '../../kernel/index.ts';
import { createLimiter, type Decision, type Limiter, type LimiterOptions } from '../../limit/index.ts';

/** What express-rate-limit tells a store about itself. */
interface InitOptions {
  readonly windowMs: number;
  readonly limit?: unknown;
}

interface Hits {
  readonly totalHits: number;
  readonly resetTime: Date | undefined;
}

/**
 * A store for express-rate-limit 7 and 8: `rateLimit({ …, store: expressRateLimitStore() })`. Its fixed window becomes a
 * rolling one, and with `store: createRedisCounters(…)` the limit is shared. Limit and window come from express-rate-limit;
 * where its `limit` is a function, give the highest here.
 */
export function expressRateLimitStore(
  options: Omit<LimiterOptions, 'window'> = {},
  runtime: Partial<Runtime> = {},
): ExpressRateLimitStore {
  return new ExpressRateLimitStore(options, runtime);
}

export class ExpressRateLimitStore {
  readonly localKeys: boolean;
  readonly #options: Omit<LimiterOptions, 'window'>;
  readonly #runtime: Partial<Runtime>;
  #limiter: Limiter | undefined;

  constructor(options: Omit<LimiterOptions, 'window'>, runtime: Partial<Runtime>) {
    this.localKeys = options.store === undefined;
    this.#options = options;
    this.#runtime = runtime;
  }

  init({ windowMs, limit }: InitOptions): void {
    const given = this.#options.limit ?? limit;
    if (typeof given !== 'number')
      throw new TypeError(
        "expressRateLimitStore needs a number as limit: give { limit } when express-rate-limit's own is a function",
      );
    this.#limiter = createLimiter(
      { ...this.#options, limit: given, window: formatDuration(windowMs) } as LimiterOptions,
      this.#runtime,
    );
  }

  async get(key: string): Promise<Hits> {
    return this.#hitsOf(await this.#limiter!.peek(key));
  }

  async increment(key: string): Promise<Hits> {
    return this.#hitsOf(await this.#limiter!.check(key));
  }

  async decrement(key: string): Promise<void> {
    await this.#limiter!.refund(key);
  }

  async resetKey(key: string): Promise<void> {
    await this.#limiter!.reset(key);
  }

  shutdown(): void {
    this.#limiter?.close();
  }

  /** express-rate-limit refuses when the hits are above the limit; a refused request is the one that would be. */
  #hitsOf({ allowed, limit, remaining, resetMs, retryAfterMs }: Decision): Hits {
    const waitMs = allowed ? resetMs : Number.isFinite(retryAfterMs) ? retryAfterMs : resetMs;
    return { totalHits: allowed ? limit - remaining : limit + 1, resetTime: new Date(this.#nowMs() + waitMs) };
  }

  #nowMs(): number {
    return (this.#runtime.clock ?? systemClock).now();
  }
}
