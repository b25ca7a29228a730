/** One process of the fleet: fills its memory, deletes its share of the keys, and notes when the others' are gone. */
import { setTimeout as delay } from 'node:timers/promises';
import { BentoCache, bentostore } from 'bentocache';
import { memoryDriver } from 'bentocache/drivers/memory';
import { redisBusDriver, redisDriver } from 'bentocache/drivers/redis';
import { createCache } from '../../src/cache/index.ts';
import { createRedisKvStore } from '../../src/drivers/redis-kv-store.ts';
import type { RedisCoherence } from '../../src/drivers/redis-link.ts';

export type Order =
  | { readonly do: 'store' | 'read'; readonly keys: number }
  | { readonly do: 'delete'; readonly keys: number; readonly first: number; readonly step: number; readonly everyMs: number };

export interface Outcome {
  /** When this process called `delete`, and for which key; ms on the machine's monotonic clock. */
  readonly called: readonly (readonly [key: number, atMs: number])[];
  /** When keys that others deleted were gone from memory. */
  readonly gone: readonly (readonly [key: number, atMs: number])[];
  /** Keys still in memory at the end. */
  readonly left: number;
}

export type FromListener = 'done' | Outcome;

interface Contender {
  set(key: string): Promise<unknown>;
  get(key: string): Promise<unknown>;
  delete(key: string): Promise<unknown>;
  inMemory(key: string): boolean;
}

const nowMs = (): number => Number(process.hrtime.bigint()) / 1e6;
const gone: [number, number][] = [];
const own = new Set<number>();
const nameOf = (key: number): string => `user:${key}`;

function noteGone(name: string): void {
  const key = Number(name.slice(name.lastIndexOf(':') + 1));
  if (!own.has(key)) gone.push([key, nowMs()]);
}

async function spillway(url: string, coherence: RedisCoherence): Promise<Contender> {
  const redis = createRedisKvStore({ target: url, prefix: 'bench:', coherence });
  const watch: typeof redis.watch = (listener, maxStalenessMs) => {
    const onValue = (key: string): void => {
      const had = cache.peek(key) !== undefined;
      listener.onValue(key);
      if (had && cache.peek(key) === undefined) noteGone(key);
    };
    return redis.watch(
      {
        onValue,
        onTag: (tag) => listener.onTag(tag),
        onPattern: (pattern) => listener.onPattern(pattern),
        onAbandoned: (key) => listener.onAbandoned(key),
        onGap: () => listener.onGap(),
      },
      maxStalenessMs,
    );
  };
  const store = new Proxy(redis, {
    get: (target, name) => {
      if (name === 'watch') return watch;
      const member = target[name as keyof typeof redis] as unknown;
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
  const cache = createCache({ store, ttl: '1h' });
  await cache.ready();
  return {
    set: (key) => cache.set(key, { id: key }),
    get: (key) => cache.get(key),
    delete: (key) => cache.delete(key),
    inMemory: (key) => cache.peek(key) !== undefined,
  };
}

async function bentocache(url: string): Promise<Contender> {
  const connection = { host: '127.0.0.1', port: Number(new URL(url).port) };
  const inMemory = new Set<string>();
  const cache = new BentoCache({
    default: 'multi',
    stores: {
      multi: bentostore()
        .useL1Layer(memoryDriver({ maxItems: 100_000 }))
        .useL2Layer(redisDriver({ connection }))
        .useBus(redisBusDriver({ connection })),
    },
  });
  cache.on('bus:message:received', (event) => {
    const keys = (event as unknown as { message: { keys: string[] } }).message.keys;
    for (const key of keys) if (inMemory.delete(key)) noteGone(key);
  });
  return {
    set: (key) => cache.set({ key, value: { id: key }, ttl: '1h' }),
    get: async (key) => {
      await cache.get({ key });
      inMemory.add(key);
    },
    delete: (key) => {
      inMemory.delete(key);
      return cache.delete({ key });
    },
    inMemory: (key) => inMemory.has(key),
  };
}

const CONTENDERS: Readonly<Record<string, (url: string) => Promise<Contender>>> = {
  'spillway, tracking': (url) => spillway(url, 'tracking'),
  'spillway, pubsub': (url) => spillway(url, 'pubsub'),
  bentocache,
};
const [, , name, url] = process.argv as [string, string, string, string];
const contender = await CONTENDERS[name]!(url);

async function each(keys: number, work: (key: string) => Promise<unknown>): Promise<void> {
  for (let from = 0; from < keys; from += 200)
    await Promise.all(Array.from({ length: Math.min(200, keys - from) }, (_, at) => work(nameOf(from + at))));
}

/** Deletes at its pace, however long a delete takes. */
async function deleteShare({ keys, first, step, everyMs }: Extract<Order, { do: 'delete' }>): Promise<Outcome> {
  gone.length = 0;
  const called: [number, number][] = [];
  const running: Promise<unknown>[] = [];
  const startMs = nowMs() + (everyMs * first) / step;
  for (let key = first; key < keys; key += step) own.add(key);
  for (let key = first, count = 0; key < keys; key += step, count++) {
    const waitMs = startMs + count * everyMs - nowMs();
    if (waitMs > 0) await delay(waitMs);
    called.push([key, nowMs()]);
    running.push(contender.delete(nameOf(key)));
  }
  await Promise.all(running);
  await delay(3000);
  let left = 0;
  for (let key = 0; key < keys; key++) if (contender.inMemory(nameOf(key))) left++;
  return { called, gone, left };
}

/** Until all are in memory: a late message on its storing may have taken a key out again. */
async function readAll(keys: number): Promise<void> {
  for (let left = keys; left > 0;) {
    await each(keys, contender.get);
    await delay(100);
    left = Array.from({ length: keys }, (_, key) => contender.inMemory(nameOf(key))).filter((present) => !present).length;
  }
}

async function run(order: Order): Promise<FromListener> {
  if (order.do === 'delete') return deleteShare(order);
  await (order.do === 'store' ? each(order.keys, contender.set) : readAll(order.keys));
  return 'done';
}

process.on('message', (order: Order) => void run(order).then((answer) => process.send!(answer)));
process.on('disconnect', () => process.exit());
process.send!('done' satisfies FromListener);
