import { Pool } from 'undici';
import { balancerFrom, type Balancer, type Endpoint } from '../balance/index.ts';
import type { Runtime } from '../kernel/index.ts';
import type { UpstreamSettings } from './options.ts';
import { RetryBudget } from './retry-budget.ts';
import { StickyCookies } from './sticky.ts';

/** One upstream as the proxy holds it: the balancer, and a pool of connections to each of its endpoints. */
export class UpstreamPools {
  readonly settings: UpstreamSettings;
  readonly balancer: Balancer;
  readonly budget: RetryBudget;
  /** Where clients stay with their endpoint. */
  readonly sticky: StickyCookies | undefined;
  readonly #pools = new Map<Endpoint, Pool>();

  constructor(name: string, settings: UpstreamSettings, runtime: Runtime) {
    this.settings = settings;
    this.balancer = balancerFrom(settings, runtime, { name });
    this.budget = new RetryBudget(settings.retries.budget);
    this.sticky = settings.sticky && new StickyCookies(settings.sticky);
    this.balancer.events.on('removed', ({ endpoint }) => {
      const pool = this.#pools.get(endpoint);
      this.#pools.delete(endpoint);
      void pool?.close();
    });
  }

  poolOf(endpoint: Endpoint): Pool {
    let pool = this.#pools.get(endpoint);
    if (!pool) this.#pools.set(endpoint, (pool = connectionPool(endpoint, this.settings)));
    return pool;
  }

  async close(): Promise<void> {
    this.balancer.close();
    await Promise.all([...this.#pools.values()].map((pool) => pool.destroy()));
  }
}

function connectionPool(endpoint: Endpoint, settings: UpstreamSettings): Pool {
  return new Pool(endpoint.url, {
    connections: settings.maxConnections,
    connectTimeout: settings.connectTimeoutMs,
    keepAliveTimeout: settings.idleTimeoutMs,
    keepAliveMaxTimeout: settings.idleTimeoutMs,
    // The head's deadline is the request's own, over all its attempts: see Deadlines.
    headersTimeout: 0,
    bodyTimeout: settings.bodyTimeoutMs,
    allowH2: false,
  });
}
