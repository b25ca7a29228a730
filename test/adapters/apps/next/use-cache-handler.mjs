import { createNextUseCacheHandler } from 'spillway/next';
import { cache } from './cache.mjs';

export default createNextUseCacheHandler({ cache, wait: '30s' });
