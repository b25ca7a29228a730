import { createCache, type Cache, type CacheOptions } from '../../cache/index.ts';
import type { Runtime } from '../../kernel/index.ts';

export interface CacheManagerOptions {
  /** Seconds a value lives unless a call says otherwise. Default 300. */
  readonly ttl?: number;
  /** Starts every key. Default `app:`. */
  readonly prefix?: string;
}

/** The usual hand-written cache manager over Redis, with its times in seconds. */
export interface LegacyCache {
  get<T>(key: string): Promise<T | null>;
  set(key: string, value: unknown, ttlSeconds?: number): Promise<void>;
  del(key: string): Promise<void>;
  getOrSet<T>(key: string, load: () => Promise<T>, ttlSeconds?: number): Promise<T>;
  mget<T>(keys: readonly string[]): Promise<(T | null)[]>;
  mset(values: Readonly<Record<string, unknown>>, ttlSeconds?: number): Promise<void>;
  /** Resolves with how many keys matched `pattern` (`user:*`). */
  deletePattern(pattern: string): Promise<number>;
  invalidateTags(tags: readonly string[]): Promise<void>;
  getStats(): { readonly hits: number; readonly misses: number; readonly hitRate: number; readonly size: number };
  /** What does the work: everything Spillway's cache can do. */
  readonly cache: Cache;
  close(): Promise<void>;
}

/**
 * For moving off a hand-written cache manager: the calls stay, with seconds for TTLs and null for what is not there;
 * behind them is a Spillway cache, reachable as `.cache`.
 * @param redis a URL, URLs of a cluster, or a node-redis client; undefined: in memory.
 */
export function createCacheManager(
  redis: CacheOptions['redis'],
  { ttl = 300, prefix = 'app:' }: CacheManagerOptions = {},
  runtime: Partial<Runtime> = {},
): LegacyCache {
  const cache = createCache({ ...(redis && { redis }), prefix, ttl: seconds(ttl) }, runtime);
  const times = (ttlSeconds: number | undefined) => (ttlSeconds === undefined ? {} : { ttl: seconds(ttlSeconds) });
  return {
    cache,
    get: async <T>(key: string) => (await cache.get<T>(key)) ?? null,
    set: (key, value, ttlSeconds) => cache.set(key, value, times(ttlSeconds)),
    del: async (key) => void (await cache.delete(key)),
    getOrSet: (key, load, ttlSeconds) => cache.getOrSet(key, load, times(ttlSeconds)),
    mget: async <T>(keys: readonly string[]) => (await cache.getMany<T>(keys)).map((value) => value ?? null),
    mset: (values, ttlSeconds) => cache.setMany(values, times(ttlSeconds)),
    deletePattern: (pattern) => cache.deletePattern(pattern),
    invalidateTags: (tags) => cache.invalidateTags(tags),
    getStats: () => {
      const { hits, misses, hitRatio, memory } = cache.stats();
      const missed = Object.values(misses).reduce((sum, count) => sum + count, 0);
      return { hits: hits.memory + hits.store, misses: missed, hitRate: hitRatio.combined || 0, size: memory.entries };
    },
    close: () => cache.close(),
  };
}

function seconds(count: number): string {
  return `${Math.round(count * 1000)}ms`;
}
