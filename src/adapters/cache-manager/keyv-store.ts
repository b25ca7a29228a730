import type { Cache } from '../../cache/index.ts';

/** The store that `new Keyv({ store })` takes, and through it cache-manager and cacheable. Times in ms. */
export interface KeyvStore {
  get(key: string): Promise<unknown>;
  getMany(keys: string[]): Promise<unknown[]>;
  set(key: string, value: unknown, ttlMs?: number): Promise<boolean>;
  delete(key: string): Promise<boolean>;
  deleteMany(keys: string[]): Promise<boolean>;
  has(key: string): Promise<boolean>;
  clear(): Promise<void>;
}

const FOREVER = '365d';

/** Lets code written for Keyv keep its calls while a Spillway cache does the work. */
export function keyvStore(cache: Cache): KeyvStore {
  return {
    get: (key) => cache.get(key),
    getMany: (keys) => cache.getMany(keys),
    set: async (key, value, ttlMs) => {
      await cache.set(key, value, { ttl: ttlMs ? `${ttlMs}ms` : FOREVER });
      return true;
    },
    delete: (key) => cache.delete(key),
    deleteMany: async (keys) => (await cache.deleteMany(keys)) > 0,
    has: (key) => cache.has(key),
    clear: () => cache.clear(),
  };
}
