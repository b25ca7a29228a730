/**
 * START HERE. Wires every room once, in the order in which a request meets them:
 *
 *   gateway ─▶ policy ─▶ limit ─▶ page ──hit──▶ answer
 *                                  └─miss──▶ shed ─▶ balance ─▶ breaker ─▶ upstream
 *
 * This is one process's share of it; `serve.ts` puts a primary and its workers around it.
 */
import { createCache, DeclaredCaches, type Cache } from './cache/index.ts';
import { createRedisCounters } from './drivers/redis-counters.ts';
import { batchFrom, createAccessLog, createTierOf, gatewayFrom, proxyFrom, type Gateway, type Proxy } from './gateway/index.ts';
import { runtimeFrom, type Runtime } from './kernel/index.ts';
import { createLimitGate, type LimitGate } from './limit/index.ts';
import { pageCodec, pagesFrom, pageSettings, type PageEntry, type Pages } from './page/index.ts';
import type { Policy } from './policy/index.ts';
import type { CounterStore, Exchange, KvStore } from './ports/index.ts';
import { RequestPath, type RequestGuard } from './request-path.ts';
import { createShedder, type Shedder } from './shed/index.ts';

/** What a process is given by those around it. */
export interface Surroundings {
  /** Shared with other processes, so that a page is made once for all of them. */
  readonly store?: KvStore;
  /** Counts of limits shared with other processes, so that a limit holds for all of them together. */
  readonly counters?: CounterStore;
  /** A listening handle of the primary's, in place of opening the policy's port here. */
  readonly handleToListenOn?: object;
  /** Refuses requests that have ended process after process. */
  readonly guard?: RequestGuard;
  /** The verdict on the whole service: 0 healthy, 1 degraded, 2 critical. Work that can wait waits while it is bad. */
  readonly healthLevel?: () => 0 | 1 | 2;
}

/** Spillway in one process. */
export interface Spillway {
  readonly policy: Policy;
  readonly pages: Pages;
  readonly limits: LimitGate;
  readonly shedder: Shedder;
  readonly proxy: Proxy;
  /**
   * The cache that the policy declares as `caches.<name>`: with its Redis shared by all processes, otherwise in this one.
   * Its TTLs stretch while the service is pressed. Closed by `stop()`.
   * @throws ConfigError when the policy declares no such cache.
   */
  cache<Value = unknown>(name: string): Cache<Value>;
  /** Where it listens, once started: `http://127.0.0.1:8080`. */
  readonly address: string;
  start(): Promise<void>;
  /** Accepts connections from a further listening handle of the primary's. */
  listenOn(handle: object): Promise<void>;
  /** Takes no new connections and resolves when the last one is served. */
  drain(signal: AbortSignal): Promise<void>;
  /** Closes everything. */
  stop(): Promise<void>;
}

/** What the pages' regeneration calls the verdicts. */
const PRESSURES = ['none', 'degraded', 'critical'] as const;

/** Builds the whole request path for `policy`. Nothing listens before `start()`. */
export function createSpillway(policy: Policy, given: Surroundings = {}, runtime: Partial<Runtime> = {}): Spillway {
  const around = runtimeFrom(runtime);
  const { config } = policy;
  const { upstreams, compression, securityHeaders, listen, tiers, trustedProxies } = config;

  // Redis is shared by the whole fleet; without it, what the processes of this machine were given.
  const shared = config.redis === undefined ? given.store && { store: given.store } : { redis: config.redis };
  const counters = config.redis === undefined ? given.counters : createRedisCounters({ url: config.redis }, around);

  const healthLevel = given.healthLevel ?? (() => 0);
  const tierOf = tiers && createTierOf(tiers, trustedProxies);

  const caches = new DeclaredCaches(policy, { pressure: () => healthLevel() / 2 }, around);
  const store = createCache<PageEntry>({ name: 'pages', codec: pageCodec, ...shared }, around);
  const limits = createLimitGate(
    policy.routes,
    {
      // A question to the primary costs it more than one to Redis costs Redis: hot keys take units ahead.
      leases: config.redis === undefined,
      ...config.limits,
      ...(counters && { store: counters }),
      ...(tierOf && { tierOf }),
    },
    around,
  );
  const shedder = createShedder(config.shed, around);
  const proxy = proxyFrom({ upstreams, compression, securityHeaders, maxBodyBytes: listen.maxBodyBytes }, around, {
    ...(tierOf && { tierOf }),
  });
  const pages = pagesFrom(pageSettings(config.pages, config.compression.minBytes), {
    ...around,
    store,
    match: (path) => policy.match('GET', path),
    upstream: proxy,
    pressure: () => PRESSURES[healthLevel()],
  });
  const path = new RequestPath({ guard: given.guard, limits, pages, shedder, proxy, tierOf });
  const match = (method: string, pathname: string) => policy.match(method, pathname);
  if (config.batch) {
    const admit = (exchange: Exchange) => path.admitOfBatch(exchange);
    path.batch = { path: config.batch.path, answer: batchFrom(config.batch, { match, upstream: proxy, admit }, around) };
  }
  const accessLog = config.accessLog && createAccessLog(config.accessLog, around);
  const gateway = gatewayFrom(
    config,
    {
      match,
      handle: (exchange) => path.handle(exchange),
      handlePlain: (exchange) => path.handlePlain(exchange),
      upgrade: (upgrade) => proxy.upgrade(upgrade),
      prepared: pages.prepared,
      admitFast: (route, clientIp, nowMs) => limits.admitFast(route, clientIp, nowMs),
      ...(accessLog && { onComplete: accessLog.record }),
      ...(given.handleToListenOn && { handleToListenOn: given.handleToListenOn }),
    },
    around,
  );

  return {
    policy,
    pages,
    limits,
    shedder,
    proxy,
    cache: (name) => caches.get(name),
    get address() {
      return gateway.address;
    },
    start: () => gateway.start(),
    listenOn: (handle) => gateway.listenOn(handle),
    drain: async (signal) => void (await Promise.all([gateway.drain(signal), proxy.drain(signal)])),
    stop: async () => {
      await stopAll(gateway, pages, store, caches, proxy);
      limits.close();
      shedder.close();
      await counters?.close();
      accessLog?.close();
    },
  };
}

/** From the client's end to the upstream's, so that nothing is used after it was closed. */
async function stopAll(
  gateway: Gateway,
  ...behind: readonly ({ close(): Promise<void> } | { stop(): Promise<void> })[]
): Promise<void> {
  await gateway.stop();
  for (const part of behind) await ('close' in part ? part.close() : part.stop());
}
