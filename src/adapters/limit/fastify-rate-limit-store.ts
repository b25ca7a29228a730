import { formatDuration, type Runtime } from '../../kernel/index.ts';
import { createLimiter, type Decision, type Limiter, type LimiterOptions } from '../../limit/index.ts';

type Answer = (error: Error | null, result?: { current: number; ttl: number }) => void;

/** What the plugin passes for a route with a limit of its own. */
interface RouteParams {
  readonly routeInfo?: { readonly method?: unknown; readonly url?: string };
}

/** What the plugin asks of a store. */
export interface FastifyRateLimitStore {
  incr(key: string, answer: Answer, timeWindow: number, max: number): void;
  read(key: string, answer: Answer, timeWindow: number, max: number): void;
  child(params: object): FastifyRateLimitStore;
}

const MAX_LIMITERS = 1000;

/**
 * A store class for @fastify/rate-limit 10 and 11: `register(rateLimit, { …, store: fastifyRateLimitStore() })`. Its fixed
 * window becomes a rolling one, and with `store: createRedisCounters(…)` the limit is shared. Limit and window come from
 * the plugin, per route.
 */
export function fastifyRateLimitStore(
  options: Omit<LimiterOptions, 'window' | 'limit'> = {},
  runtime: Partial<Runtime> = {},
): new (params?: object) => FastifyRateLimitStore {
  return class LimiterStore implements FastifyRateLimitStore {
    /** One per limit and window of this store's routes. */
    readonly #limiters = new Map<string, Limiter>();
    readonly #scope: string;

    constructor(params: object = {}) {
      const { method, url } = (params as RouteParams).routeInfo ?? {};
      this.#scope = url === undefined ? 'fastify' : `fastify ${String(method)} ${url}`;
    }

    incr(key: string, answer: Answer, timeWindow: number, max: number): void {
      void Promise.resolve(this.#limiterOf(timeWindow, max).check(key)).then((decision) => answer(null, countOf(decision)));
    }

    read(key: string, answer: Answer, timeWindow: number, max: number): void {
      void Promise.resolve(this.#limiterOf(timeWindow, max).peek(key)).then((decision) => answer(null, countOf(decision)));
    }

    child(params: object): LimiterStore {
      return new LimiterStore(params);
    }

    #limiterOf(timeWindow: number, max: number): Limiter {
      const id = `${max} ${timeWindow}`;
      let limiter = this.#limiters.get(id);
      if (!limiter) {
        if (this.#limiters.size >= MAX_LIMITERS) this.#limiters.delete(this.#limiters.keys().next().value!);
        const own = { ...options, limit: max, window: formatDuration(timeWindow), scope: this.#scope };
        this.#limiters.set(id, (limiter = createLimiter(own as LimiterOptions, runtime)));
      }
      return limiter;
    }
  };
}

/** The plugin refuses when `current` is above the limit; a refused request is the one that would be. */
function countOf({ allowed, limit, remaining, resetMs, retryAfterMs }: Decision): { current: number; ttl: number } {
  return allowed ? { current: limit - remaining, ttl: resetMs } : { current: limit + 1, ttl: retryAfterMs };
}
