export { Cacheable, CacheInvalidate, type CacheableOptions, type CacheInvalidateOptions } from './decorators.ts';
