export { createCacheManager, type CacheManagerOptions, type LegacyCache } from './legacy-cache.ts';
export { keyvStore, type KeyvStore } from './keyv-store.ts';
