/** Limiters on a Redis of their own, asked by 64 callers at once; the Redis' CPU time is read from the operating system. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createRedisCounters } from '../../src/drivers/redis-counters.ts';
import { createLimiter, type LimiterOptions } from '../../src/limit/index.ts';
import { eventually, startRedis } from '../../test/servers/index.ts';
import type { Operation, OperationContender } from '../harness/index.ts';

const require = createRequire(import.meta.url);

const CALLERS = 64;
const KEYS = 10_000;
let at = 0;
const nextKey = (): string => `10.0.${(at = (at + 7919) % KEYS) >> 8}.${at & 255}`;

/** One unit for a key; resolves when it is decided. */
type Decide = (key: string) => PromiseLike<unknown>;

interface NodeRedis {
  connect(): Promise<unknown>;
  sendCommand(args: string[]): Promise<unknown>;
  destroy(): void;
}

export function spillwayOnRedis(options: LimiterOptions): OperationContender {
  return onRedis(async (url) => {
    const store = createRedisCounters({ url });
    await eventually('connected', () =>
      store.ping().then(
        () => true,
        () => false,
      ),
    );
    const limiter = createLimiter({ ...options, store, storeDeadline: '5s' });
    return { decide: async (key) => limiter.check(key), close: () => store.close() };
  });
}

export function flexibleOnRedis(limits: readonly { points: number; duration: number }[]): OperationContender {
  return onRedis(async (url) => {
    const client = await connect(url);
    const { RateLimiterRedis, RateLimiterUnion } = require('rate-limiter-flexible') as {
      RateLimiterRedis: new (options: object) => { consume: Decide };
      RateLimiterUnion: new (...limiters: object[]) => { consume: Decide };
    };
    const limiters = limits.map(
      (limit, i) => new RateLimiterRedis({ storeClient: client, useRedisPackage: true, keyPrefix: `limit${i}`, ...limit }),
    );
    const all = limiters.length === 1 ? limiters[0]! : new RateLimiterUnion(...limiters);
    return { decide: (key) => all.consume(key), close: async () => client.destroy() };
  });
}

export function rateLimitRedis(windowMs: number): OperationContender {
  return onRedis(async (url) => {
    const client = await connect(url);
    const { RedisStore } = require('rate-limit-redis') as {
      RedisStore: new (options: object) => { init(options: object): void; increment: Decide };
    };
    const store = new RedisStore({ sendCommand: (...args: string[]) => client.sendCommand(args) });
    store.init({ windowMs });
    return { decide: (key) => store.increment(key), close: async () => client.destroy() };
  });
}

async function connect(url: string): Promise<NodeRedis> {
  const { createClient } = require('redis') as { createClient(options: object): NodeRedis };
  const client = createClient({ url });
  await client.connect();
  return client;
}

function onRedis(create: (url: string) => Promise<{ decide: Decide; close: () => Promise<void> }>): OperationContender {
  return {
    kind: 'operation',
    prepare: async (): Promise<Operation> => {
      const redis = await startRedis();
      const { decide, close } = await create(redis.url);
      let [decisions, cpuBefore] = [0, cpuMs(redis.process.pid)];
      return {
        run: async (count) => {
          let left = count;
          const caller = async (): Promise<void> => {
            while (left-- > 0) await decide(nextKey());
          };
          await Promise.all(Array.from({ length: CALLERS }, caller));
          decisions += count;
        },
        figures: () => {
          const cpu = cpuMs(redis.process.pid);
          const perDecision = ((cpu - cpuBefore) * 1000) / decisions;
          [decisions, cpuBefore] = [0, cpu];
          return { 'Redis CPU µs': perDecision };
        },
        close: async () => {
          await close();
          await redis.stop();
        },
      };
    },
  };
}

const CLOCK_TICKS_PER_SECOND = 100;

function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / CLOCK_TICKS_PER_SECOND;
}
