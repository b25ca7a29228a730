import { Pool as UndiciPool } from 'undici';
import { balancerFrom, type Balancer, type Endpoint } from '../balance/index.ts';
import type { Clock, Runtime } from '../kernel/index.ts';
import { ConnectionPool } from './connection-pool.ts';
import type { Deadlines } from './deadlines.ts';
import type { LentBuffers } from './lent-buffer.ts';
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
  readonly #pools = new Map<Endpoint, ConnectionPool>();
  readonly #upgradePools = new Map<Endpoint, UndiciPool>();
  readonly #clock: Clock;
  readonly #deadlines: Deadlines;
  readonly #buffers: LentBuffers;

  constructor(name: string, settings: UpstreamSettings, runtime: Runtime, deadlines: Deadlines, buffers: LentBuffers) {
    this.settings = settings;
    this.balancer = balancerFrom(settings, runtime, { name });
    this.budget = new RetryBudget(settings.retries.budget);
    this.sticky = settings.sticky && new StickyCookies(settings.sticky);
    this.#clock = runtime.clock;
    this.#deadlines = deadlines;
    this.#buffers = buffers;
    this.balancer.events.on('removed', ({ endpoint }) => {
      this.#pools.get(endpoint)?.close();
      this.#pools.delete(endpoint);
      void this.#upgradePools.get(endpoint)?.close();
      this.#upgradePools.delete(endpoint);
    });
  }

  poolOf(endpoint: Endpoint): ConnectionPool {
    let pool = this.#pools.get(endpoint);
    if (pool) return pool;
    pool = new ConnectionPool(endpoint.url, this.settings, this.#clock, this.#deadlines, this.#buffers);
    this.#pools.set(endpoint, pool);
    return pool;
  }

  /** For requests to change protocols: each takes a connection out of the pool for good. */
  upgradePoolOf(endpoint: Endpoint): UndiciPool {
    let pool = this.#upgradePools.get(endpoint);
    if (!pool) this.#upgradePools.set(endpoint, (pool = upgradePool(endpoint, this.settings)));
    return pool;
  }

  async close(): Promise<void> {
    this.balancer.close();
    for (const pool of this.#pools.values()) pool.destroy();
    await Promise.all([...this.#upgradePools.values()].map((pool) => pool.destroy()));
  }
}

function upgradePool(endpoint: Endpoint, settings: UpstreamSettings): UndiciPool {
  return new UndiciPool(endpoint.url, {
    connections: settings.maxConnections,
    connectTimeout: settings.connectTimeoutMs,
    keepAliveTimeout: settings.idleTimeoutMs,
    keepAliveMaxTimeout: settings.idleTimeoutMs,
    bodyTimeout: settings.bodyTimeoutMs,
    allowH2: false,
  });
}
