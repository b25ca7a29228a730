/** The caches under test behind one interface, each at its documented settings for several processes on one Redis. */
import { cachified, totalTtl, type CacheEntry } from '@epic-web/cachified';
import KeyvRedis from '@keyv/redis';
import { createCache as createDedupe } from 'async-cache-dedupe';
import { BentoCache, bentostore } from 'bentocache';
import { memoryDriver } from 'bentocache/drivers/memory';
import { redisBusDriver, redisDriver } from 'bentocache/drivers/redis';
import { createCache as createCacheManager } from 'cache-manager';
import { Cacheable } from 'cacheable';
import { Redis } from 'ioredis';
import { Keyv } from 'keyv';
import { createClient } from 'redis';
import { createCache } from '../../src/cache/index.ts';

export interface Contender {
  getOrSet(key: string, load: () => Promise<number>, ttlMs: number, tag?: string): Promise<number>;
  delete(key: string): Promise<unknown>;
  /** undefined: it has no tags. */
  readonly invalidateTag: ((tag: string) => Promise<unknown>) | undefined;
  /** undefined: it cannot. */
  readonly deletePattern: ((pattern: string) => Promise<unknown>) | undefined;
}

const GRACE_MS = 60_000;

export const CONTENDERS: Readonly<Record<string, (url: string) => Promise<Contender>>> = {
  spillway: async (url) => {
    const cache = createCache<number>({ redis: url, grace: 0, staleIfError: '1m', maxStaleness: '2s' });
    await cache.ready();
    return {
      getOrSet: (key, load, ttlMs, tag) => cache.getOrSet(key, load, { ttl: `${ttlMs}ms`, ...(tag && { tags: [tag] }) }),
      delete: (key) => cache.delete(key),
      invalidateTag: (tag) => cache.invalidateTags([tag]),
      deletePattern: (pattern) => cache.deletePattern(pattern),
    };
  },
  bentocache: async (url) => {
    const connection = { host: '127.0.0.1', port: Number(new URL(url).port) };
    const cache = new BentoCache({
      default: 'multi',
      grace: GRACE_MS,
      stores: {
        multi: bentostore()
          .useL1Layer(memoryDriver({ maxItems: 10_000 }))
          .useL2Layer(redisDriver({ connection }))
          .useBus(redisBusDriver({ connection })),
      },
    });
    return {
      getOrSet: (key, factory, ttl, tag) => cache.getOrSet({ key, factory, ttl, grace: GRACE_MS, ...(tag && { tags: [tag] }) }),
      delete: (key) => cache.delete({ key }),
      invalidateTag: (tag) => cache.deleteByTag({ tags: [tag] }),
      deletePattern: undefined,
    };
  },
  cacheable: async (url) => {
    const cache = new Cacheable({ secondary: new Keyv({ store: new KeyvRedis(url) }), nonBlocking: false });
    return {
      getOrSet: async (key, load, ttlMs) => (await cache.getOrSet(key, load, { ttl: ttlMs }))!,
      delete: (key) => cache.delete(key),
      invalidateTag: undefined,
      deletePattern: undefined,
    };
  },
  'cache-manager': async (url) => {
    const cache = createCacheManager({ stores: [new Keyv(), new Keyv({ store: new KeyvRedis(url) })] });
    return {
      getOrSet: (key, load, ttlMs) => cache.wrap(key, load, ttlMs),
      delete: (key) => cache.del(key),
      invalidateTag: undefined,
      deletePattern: undefined,
    };
  },
  'async-cache-dedupe': async (url) => {
    const client = new Redis(url);
    const loads = new Map<string, { load: () => Promise<number>; tag: string | undefined }>();
    const cache = createDedupe({
      ttl: 1,
      stale: 60,
      storage: { type: 'redis', options: { client, invalidation: true } },
    }).define(
      'value',
      { references: (key: string) => [`key:${key}`, ...(loads.get(key)?.tag ? [loads.get(key)!.tag!] : [])] },
      (key: string) => loads.get(key)!.load(),
    ) as unknown as { value(key: string): Promise<number>; invalidate(name: string, references: string[]): Promise<void> };
    return {
      getOrSet: (key, load, _ttlMs, tag) => {
        loads.set(key, { load, tag });
        return cache.value(key);
      },
      delete: (key) => cache.invalidate('value', [`key:${key}`]),
      invalidateTag: (tag) => cache.invalidate('value', [tag]),
      deletePattern: undefined,
    };
  },
  cachified: async (url) => {
    // Without a listener a lost connection would end the process.
    const client = await createClient({ url })
      .on('error', () => {})
      .connect();
    const cache = {
      name: 'redis',
      get: async (key: string) => {
        const text = await client.get(key);
        return text ? (JSON.parse(text) as CacheEntry) : null;
      },
      set: (key: string, entry: CacheEntry) => client.set(key, JSON.stringify(entry), { PX: totalTtl(entry.metadata) }),
      delete: (key: string) => client.del(key),
    };
    return {
      getOrSet: (key, getFreshValue, ttl) =>
        cachified<number>({
          key,
          cache,
          getFreshValue: () => getFreshValue(),
          ttl,
          swr: GRACE_MS,
        }),
      delete: (key) => client.del(key),
      invalidateTag: undefined,
      deletePattern: undefined,
    };
  },
};
