import { z } from 'zod';
import type { Cache, CacheOptions } from '../../cache/index.ts';
import { duration } from '../../kernel/index.ts';

export const driverOptions = z.object({
  cache: z.custom((value) => value === undefined || typeof value === 'object', 'a cache of createCache').optional(),
  redisFrom: z.string().min(1).optional(),
  wait: duration().prefault(0),
  renderTimeout: duration({ min: '1s' }).prefault('30s'),
  keep: duration({ min: '1s' }).prefault('30d'),
});

/** Options of the driver; those of `createCache` beside its own. */
export interface UnstorageOptions extends CacheOptions {
  /** A cache made before, instead of its options. */
  readonly cache?: Cache;
  /** Name of the environment variable that holds the address of Redis when the server starts, for what is built elsewhere. */
  readonly redisFrom?: string;
  /**
   * How long a request for what nobody has waits for another instance that makes it. Default 0: it makes it too. Only for
   * handlers whose answers are always stored: after a 404 everybody would wait.
   */
  readonly wait?: string | 0;
  /** After how long without a result an instance loses the right to make an entry. Default `30s`. */
  readonly renderTimeout?: string;
  /** How long what has no time to live is kept, and what is overdue kept to serve. Default `30d`. */
  readonly keep?: string;
}
