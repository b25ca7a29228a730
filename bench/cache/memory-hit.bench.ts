import { BentoCache, bentostore } from 'bentocache';
import { memoryDriver } from 'bentocache/drivers/memory';
import { Cacheable } from 'cacheable';
import { createCache as createCacheManager } from 'cache-manager';
import { LRUCache } from 'lru-cache';
import { createCache } from '../../src/cache/index.ts';
import { defineBench, type Operation } from '../harness/index.ts';

const KEYS = 10_000;
const keys = Array.from({ length: KEYS }, (_, at) => `user:${at}`);
const value = { id: 1, name: 'Ada', email: 'ada@example.com', roles: ['admin', 'editor'] };
const tags = ['users', 'team:1', 'page:home'];

/** Keys in an order that is the same for everyone, and that no prefetcher of the processor likes. */
const order = Array.from({ length: 65_536 }, (_, at) => keys[(Math.imul(at, 2654435761) >>> 0) % KEYS]!);

function sync(read: (key: string) => unknown): Operation {
  return {
    run: (count) => {
      for (let at = 0; at < count; at++) if (read(order[at & 65_535]!) === undefined) throw new Error('a miss');
    },
  };
}

function async(read: (key: string) => Promise<unknown>): Operation {
  return {
    run: async (count) => {
      for (let at = 0; at < count; at++) if ((await read(order[at & 65_535]!)) === undefined) throw new Error('a miss');
    },
  };
}

const load = (): typeof value => value;

async function spillway(tagged: boolean) {
  const cache = createCache({ ttl: '1h' });
  for (const key of keys) await cache.set(key, value, { tags: tagged ? tags : [] });
  return cache;
}

async function bento(tagged: boolean) {
  const cache = new BentoCache({
    default: 'memory',
    stores: { memory: bentostore().useL1Layer(memoryDriver({ maxItems: 100_000, serialize: false })) },
  });
  for (const key of keys) await cache.set({ key, value, ttl: '1h', ...(tagged && { tags }) });
  return cache;
}

export default defineBench({
  name: 'cache/memory-hit',
  title: 'A hit in memory',
  what: 'One of 10,000 small objects is read from the memory tier, one read after the other; no shared store. "3 tags" means each entry has three tags that are checked. lru-cache is the bare map everyone could have had.',
  unit: 'hit',
  baseline: 'lru-cache',
  contenders: {
    'lru-cache': {
      kind: 'operation',
      prepare: () => {
        const cache = new LRUCache<string, object>({ max: 100_000, ttl: 3_600_000 });
        for (const key of keys) cache.set(key, value);
        return sync((key) => cache.get(key));
      },
    },
    'spillway peek': {
      kind: 'operation',
      prepare: async () => ((cache) => sync((key) => cache.peek(key)))(await spillway(false)),
    },
    'spillway peek, 3 tags': {
      kind: 'operation',
      prepare: async () => ((cache) => sync((key) => cache.peek(key)))(await spillway(true)),
    },
    'spillway getOrSet': {
      kind: 'operation',
      prepare: async () => ((cache) => async((key) => cache.getOrSet(key, load)))(await spillway(false)),
    },
    'spillway getOrSet, 3 tags': {
      kind: 'operation',
      prepare: async () => ((cache) => async((key) => cache.getOrSet(key, load)))(await spillway(true)),
    },
    'bentocache getOrSet': {
      kind: 'operation',
      prepare: async () => ((cache) => async((key) => cache.getOrSet({ key, factory: load, ttl: '1h' })))(await bento(false)),
    },
    'bentocache getOrSet, 3 tags': {
      kind: 'operation',
      prepare: async () =>
        ((cache) => async((key) => cache.getOrSet({ key, factory: load, ttl: '1h', tags })))(await bento(true)),
    },
    'cacheable get': {
      kind: 'operation',
      prepare: async () => {
        const cache = new Cacheable();
        for (const key of keys) await cache.set(key, value, '1h');
        return async((key) => cache.get(key));
      },
    },
    'cache-manager get': {
      kind: 'operation',
      prepare: async () => {
        const cache = createCacheManager();
        for (const key of keys) await cache.set(key, value, 3_600_000);
        return async((key) => cache.get(key));
      },
    },
  },
});
