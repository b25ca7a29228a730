import { performance } from 'node:perf_hooks';
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';
import { createCache, type Cache } from '../../src/cache/index.ts';
import { startRedis, type RedisServer } from '../../test/servers/index.ts';
import type { Findings, Study } from '../harness/index.ts';

const HOT_KEYS = 100;
const LOAD_MS = 20;
/** The default. */
const STORE_TIMEOUT_MS = 50;
const MISS_EVERY_MS = 10;
const LASTS_MS = 1500;
const EPISODES = 10;

/** What is done to Redis, and undone. */
interface Outage {
  begin(redis: RedisServer): Promise<void> | void;
  end(redis: RedisServer): Promise<void> | void;
}

const OUTAGES: Readonly<Record<string, Outage>> = {
  'none, for comparison': { begin: () => {}, end: () => {} },
  'frozen (SIGSTOP, SIGCONT)': { begin: (redis) => redis.process.freeze(), end: (redis) => redis.process.thaw() },
  'killed, and started again': { begin: (redis) => redis.process.kill(), end: (redis) => redis.restart() },
};

interface Times {
  readonly hits: number[];
  /** How much longer misses took than their loads. */
  readonly misses: number[];
  readonly recoveries: number[];
}

const timed = async (work: () => Promise<unknown>): Promise<number> => {
  const startedMs = performance.now();
  await work();
  return performance.now() - startedMs;
};

const never = (): never => {
  throw new Error('a hit was loaded');
};

let cold = 0;

async function miss(cache: Cache): Promise<number> {
  let loadMs = 0;
  const load = async (): Promise<string> => {
    loadMs = await timed(() => delay(LOAD_MS));
    return 'value';
  };
  return (await timed(() => cache.getOrSet(`cold:${++cold}`, load))) - loadMs;
}

/** Puts the hot keys into memory and waits until nothing about them is in doubt. */
async function hold(cache: Cache): Promise<void> {
  for (let at = 0; at < HOT_KEYS; at++) {
    await cache.set(`hot:${at}`, at);
    while (!cache.peek(`hot:${at}`)) {
      await cache.get(`hot:${at}`);
      await delay(1);
    }
  }
}

/** Until one cache finds in Redis what another has stored since. */
async function recovery(cache: Cache, other: Cache): Promise<number> {
  const key = `back:${++cold}`;
  return timed(async () => {
    while ((await other.get(key)) === undefined) {
      await cache.set(key, 1);
      await delay(1);
    }
  });
}

async function episode(outage: Outage, redis: RedisServer, cache: Cache, other: Cache, times: Times): Promise<void> {
  await hold(cache);
  await outage.begin(redis);
  const untilMs = performance.now() + LASTS_MS;
  const misses: Promise<number>[] = [];
  const ask = setInterval(() => misses.push(miss(cache)), MISS_EVERY_MS);
  for (let at = 0; performance.now() < untilMs; at++) {
    times.hits.push(await timed(() => cache.getOrSet(`hot:${at % HOT_KEYS}`, never)));
    await nextTurn();
  }
  clearInterval(ask);
  times.misses.push(...(await Promise.all(misses)));
  await outage.end(redis);
  times.recoveries.push(await recovery(cache, other));
}

async function row(name: string, outage: Outage): Promise<string[]> {
  const redis = await startRedis();
  const caches = [createCache({ redis: redis.url }), createCache({ redis: redis.url })] as const;
  const times: Times = { hits: [], misses: [], recoveries: [] };
  try {
    for (const cache of caches) await cache.ready();
    for (let at = 0; at < EPISODES; at++) await episode(outage, redis, ...caches, times);
  } finally {
    for (const cache of caches) await cache.close();
    await redis.stop();
  }
  return [name, ...spread(times.hits, 1), ...spread(times.misses, STORE_TIMEOUT_MS), ...spread(times.recoveries, 2000)];
}

/** Median, 99th percentile and most; and how many are beyond the goal. */
function spread(times: readonly number[], goalMs: number): string[] {
  const sorted = Float64Array.from(times).toSorted();
  const at = (share: number): string => show(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!);
  const beyond = sorted.filter((ms) => ms > goalMs).length;
  return [`${at(0.5)} / ${at(0.99)} / ${at(1)}`, `${beyond} of ${sorted.length.toLocaleString('en')}`];
}

const show = (ms: number): string => (ms < 10 ? String(Number(ms.toPrecision(2))) : ms.toFixed(0));

const study: Study = {
  name: 'cache/outage',
  study: async (): Promise<Findings> => {
    let unhandled = 0;
    const count = (): void => void unhandled++;
    process.on('unhandledRejection', count);
    const rows: string[][] = [];
    for (const [name, outage] of Object.entries(OUTAGES)) rows.push(await row(name, outage));
    process.off('unhandledRejection', count);
    rows.push(['unhandled rejections', String(unhandled), '', '', '', '', '']);
    const spreads = 'p50 / p99 / most';
    return {
      bench: 'cache/outage',
      title: 'What a Redis that is away costs',
      what: `${EPISODES} outages of ${LASTS_MS / 1000} s each of a real Redis, under default settings (storeTimeout ${STORE_TIMEOUT_MS} ms). Times are in ms. Meanwhile one hit in memory after another, and every ${MISS_EVERY_MS} ms a miss of a cold key whose load takes ${LOAD_MS} ms; a miss is given by what it took beyond its load. Recovery: from the moment Redis runs again until one cache finds in it what another has stored since.`,
      columns: [
        'Redis',
        `hit: ${spreads}`,
        'over 1 ms',
        `miss beyond its load: ${spreads}`,
        `over ${STORE_TIMEOUT_MS} ms`,
        `recovery: ${spreads}`,
        'over 2 s',
      ],
      rows,
    };
  },
};

export default study;
