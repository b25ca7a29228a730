export { Cache, createCache, type LoadOptions } from './cache.ts';
export type { CacheEvents, MissReason, Tier } from './events.ts';
export type { Loader, LoaderContext } from './loads.ts';
export type { CacheOptions } from './options.ts';
export type { CacheStatistics } from './statistics.ts';
export type { Codec, Entry, EntryOptions, FillLease, FillWait, MemoryOptions, ValueStore } from './types.ts';
