import { createCache } from 'spillway/cache';

/** One cache for both handlers: pages and data share their tags. */
export const cache = createCache({
  ...(process.env.REDIS_URL && { redis: process.env.REDIS_URL, storeTimeout: '2s' }),
  name: 'next',
  maxTagsPerEntry: 1000,
  lease: '30s', // a machine that is busy with other tests must not lose it
});
