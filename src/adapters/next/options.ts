import { z } from 'zod';
import type { Cache, CacheOptions } from '../../cache/index.ts';
import { duration } from '../../kernel/index.ts';

export const nextOptions = z.object({
  cache: z.custom((value) => value === undefined || typeof value === 'object', 'a cache of createCache').optional(),
  buildId: z.string().min(1).optional(),
  wait: duration().prefault('5s'),
  renderTimeout: duration({ min: '1s' }).prefault('30s'),
  keep: duration({ min: '1s' }).prefault('30d'),
});

export type NextSettings = Omit<z.output<typeof nextOptions>, 'cache'>;

/** Options of the handlers for Next.js; those of `createCache` beside its own. */
export interface NextCacheOptions extends CacheOptions {
  /** A cache made before, instead of its options: both handlers, and your own code, can share one and its tags. */
  readonly cache?: Cache;
  /** Pages are shared between instances of one build only. Default: Next's own build id. */
  readonly buildId?: string;
  /** How long a request for a page that nobody has waits for another instance that makes it. Default `5s`. */
  readonly wait?: string | 0;
  /** After how long without a result an instance loses the right to make a page. Default `30s`. */
  readonly renderTimeout?: string;
  /** How long an overdue page or datum is kept to serve while a new one is made; Next's `expire` may end it sooner. Default `30d`. */
  readonly keep?: string;
}
