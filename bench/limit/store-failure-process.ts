/** One limiter under steady traffic while its Redis gets into trouble; it reports how long decisions took and when it healed. */
import { createRequire } from 'node:module';
import { createRedisCounters } from '../../src/drivers/redis-counters.ts';
import { createLimiter } from '../../src/limit/index.ts';
import { eventually } from '../../test/servers/index.ts';

const require = createRequire(import.meta.url);

export interface FailureOrder {
  readonly contender: 'spillway' | 'rate-limiter-flexible' | 'rate-limit-redis';
  readonly url: string | string[];
  readonly limit: number;
  readonly instances: number;
}

export interface FailureReport {
  /** Decisions while Redis was in trouble, ms; one that had not come at its end counts as long as it had waited. */
  readonly tookMs: readonly number[];
  readonly neverCame: number;
  readonly admitted: number;
  readonly unhandled: number;
  /** How long after the trouble's end the last decision was made without Redis, ms; undefined: not measured. */
  readonly healedMs: number | undefined;
}

const order = JSON.parse(process.argv[2]!) as FailureOrder;
let unhandled = 0;
process.on('unhandledRejection', () => unhandled++);

/** Decides about the one key; whether it was admitted. */
let decide: () => Promise<boolean>;
let lastAloneAt: number | undefined;

if (order.contender === 'spillway') {
  const store = createRedisCounters({ url: order.url });
  await eventually('connected', () =>
    store.ping().then(
      () => true,
      () => false,
    ),
  );
  const limiter = createLimiter({ limit: order.limit, window: '1m', store, instances: order.instances });
  decide = async () => {
    const { allowed, reason } = await limiter.check('key');
    if (reason === 'storeFailed') lastAloneAt = performance.now();
    return allowed;
  };
} else {
  const { createClient } = require('redis') as {
    createClient(options: object): {
      connect(): Promise<unknown>;
      on(name: string, listener: () => void): void;
      sendCommand(args: string[]): Promise<unknown>;
    };
  };
  const client = createClient({ url: order.url as string });
  client.on('error', () => {});
  await client.connect();
  if (order.contender === 'rate-limiter-flexible') {
    const { RateLimiterRedis, RateLimiterMemory } = require('rate-limiter-flexible') as Record<
      'RateLimiterRedis' | 'RateLimiterMemory',
      new (options: object) => { consume(key: string): Promise<unknown> }
    >;
    const insuranceLimiter = new RateLimiterMemory({ points: Math.floor(order.limit / order.instances), duration: 60 });
    const limiter = new RateLimiterRedis({
      storeClient: client,
      useRedisPackage: true,
      points: order.limit,
      duration: 60,
      insuranceLimiter,
    });
    decide = () =>
      limiter.consume('key').then(
        () => true,
        () => false,
      );
  } else {
    const { RedisStore } = require('rate-limit-redis') as {
      RedisStore: new (options: object) => {
        init(options: object): void;
        increment(key: string): Promise<{ totalHits: number }>;
      };
    };
    const store = new RedisStore({ sendCommand: (...args: string[]) => client.sendCommand(args) });
    store.init({ windowMs: 60_000 });
    decide = () =>
      store.increment('key').then(
        ({ totalHits }) => totalHits <= order.limit,
        () => false,
      );
  }
}

await decide();
const tookMs: number[] = [];
const open = new Set<number>();
let [admitted, neverCame, asking, measuring, endedAt] = [0, 0, false, false, 0];

process.on('message', (message: 'trouble' | 'stop' | 'over' | 'report') => {
  if (message === 'trouble') asking = measuring = true;
  else if (message === 'stop') {
    measuring = false;
    neverCame = open.size;
    for (const startMs of open) tookMs.push(performance.now() - startMs);
    open.clear();
  } else if (message === 'over') endedAt = performance.now();
  else {
    const healedMs = lastAloneAt === undefined ? undefined : Math.max(0, lastAloneAt - endedAt);
    const report: FailureReport = { tookMs, neverCame, admitted, unhandled, healedMs };
    process.send!(report, () => process.exit(0));
  }
});

setInterval(() => {
  if (!asking) return;
  const startMs = performance.now();
  if (measuring) open.add(startMs);
  void decide().then((allowed) => {
    if (!open.delete(startMs)) return;
    tookMs.push(performance.now() - startMs);
    if (allowed) admitted++;
  });
}, 2);
process.send!('ready');
