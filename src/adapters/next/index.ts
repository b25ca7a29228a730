export { createNextCacheHandler, type NextCacheHandler, type NextCacheHandlerClass } from './cache-handler.ts';
export { createNextUseCacheHandler, type NextUseCacheHandler } from './use-cache-handler.ts';
export type { NextCacheOptions } from './options.ts';
export type {
  CacheControl,
  CachedValue,
  GetContext,
  HandlerContext,
  HandlerValue,
  RevalidateDurations,
  SetContext,
  UseCacheEntry,
} from './next-types.ts';
