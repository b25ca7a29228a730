import { createNextCacheHandler } from 'spillway/next';
import { cache } from './cache.mjs';

export default createNextCacheHandler({ cache, wait: '30s' });
