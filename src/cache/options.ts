import { z } from 'zod';
import type { RedisTarget } from '../drivers/redis-link.ts';
import { count, duration, share, size } from '../kernel/index.ts';
import type { Bus, KvStore } from '../ports/index.ts';
import type { Codec } from './types.ts';

const memory = z.strictObject({
  maxEntries: count(1).default(100_000).describe('How many entries one process keeps in memory.'),
  maxBytes: size({ min: '64kb' }).prefault('128mb').describe('How many bytes of values one process keeps in memory, roughly.'),
  eviction: z
    .enum(['s3fifo', 'lru'])
    .default('s3fifo')
    .describe('What leaves when memory is full: S3-FIFO, which scans do not wash out, or the least recently used.'),
  shrinkAbove: share()
    .default(0.85)
    .describe('Share of V8’s heap limit above which half of the memory tier is given back, until it is below again.'),
  sweepEvery: duration({ min: '100ms' }).prefault('30s').describe('How often expired entries are cleaned out of memory.'),
});

const failures = z.strictObject({
  backoff: duration().prefault('250ms').describe('How long a key rests after its load failed; doubles each time. 0: not at all.'),
  maxBackoff: duration({ min: '1ms' }).prefault('30s').describe('The longest such rest.'),
  maxKeys: count(1).default(10_000).describe('How many failing keys are remembered.'),
});

const storeFailures = z.strictObject({
  failures: count(1).default(3).describe('After how many failed calls in a row the shared store is left alone.'),
  probeEvery: duration({ min: '10ms' })
    .prefault('250ms')
    .describe('How often a store that is left alone is asked whether it is back; sooner at first.'),
  maxOwed: count(1)
    .default(10_000)
    .describe('How many invalidations are remembered for a store that is away; beyond, it is emptied.'),
});

const rule = z.strictObject({
  prefix: z.string().min(1).describe('What the keys start with, namespaces included.'),
  ttl: duration().optional().describe('As the option of that name, for these keys.'),
  grace: duration().optional().describe('As the option of that name, for these keys.'),
  staleIfError: duration().optional().describe('As the option of that name, for these keys.'),
  memoryTtl: duration().optional().describe('As the option of that name, for these keys.'),
});

const prefetch = z.strictObject({
  every: duration({ min: '100ms' })
    .prefault('10s')
    .describe('How often popular entries that are about to expire are looked for.'),
  atMost: count(1).default(20).describe('How many are loaded each time.'),
});

/** Options of {@link createCache} that are plain data. */
export const cacheOptions = z.strictObject({
  name: z
    .string()
    .min(1)
    .max(64)
    .default('default')
    .describe('Tells this cache from others in metrics, and in the shared store.'),
  prefix: z
    .string()
    .regex(/^[^{}*?[\]\\]*$/)
    .default('spillway:')
    .describe('Starts the keys in Redis, followed by the name.'),
  ttl: duration().prefault('5m').describe('How long a value is fresh, unless a call or its loader says otherwise.'),
  grace: duration().prefault(0).describe('How long past its TTL a stale value may serve while a new one loads.'),
  staleIfError: duration().prefault(0).describe('How long past its TTL a stale value may serve when loading fails.'),
  memoryTtl: duration().optional().describe('How long one process keeps its copy before it asks the store again.'),
  timeout: duration().prefault(0).describe('How long a caller waits for a new value when a stale one within grace could serve.'),
  hardTimeout: duration().prefault('30s').describe('How long a caller waits for a load at most. 0: without limit.'),
  lease: duration({ min: '100ms' })
    .prefault('3s')
    .describe('How long a load that shows no sign of life keeps others from loading.'),
  maxStaleness: duration({ min: '20ms' })
    .prefault('10s')
    .describe(
      'After an invalidation no process calls the old value fresh for longer, whatever breaks. As a stale one, grace and staleIfError let it serve on while the store is away.',
    ),
  storeTimeout: duration({ min: '1ms' }).prefault('50ms').describe('How long a call of the shared store may take.'),
  coherence: z
    .enum(['auto', 'tracking', 'pubsub'])
    .default('auto')
    .describe(
      'How Redis tells of changes by others: client tracking, numbered messages, or tracking where server and user have it.',
    ),
  compressAbove: size().prefault('1kb').describe('Values larger than this are compressed (zstd) in the shared store.'),
  rules: z.array(rule).default([]).describe('Times by what keys start with; the longest prefix wins, a call wins over it.'),
  values: z
    .enum(['shared', 'frozen', 'cloned'])
    .default('shared')
    .describe('Whether callers get the cached value itself, frozen or not, or a copy each (not from peek and entry).'),
  earlyRefresh: z
    .number()
    .min(0)
    .max(10)
    .default(1)
    .describe(
      'XFetch’s β: how eagerly values are loaded anew before they expire. At 1 loads begin at least 0.95 TTL apart. 0: never.',
    ),
  maxStretch: z.number().min(1).max(100).default(1).describe('How many times longer TTLs become at full pressure.'),
  prefetch: prefetch.optional().describe('Loads popular values anew before they expire while nothing else is being loaded.'),
  diagnostics: z.boolean().default(false).describe('Publishes events on node:diagnostics_channel as spillway:cache:*.'),
  maxTags: count(1000).default(100_000).describe('How many tags one process knows the versions of.'),
  maxTagsPerEntry: count(1, 1000).default(128).describe('How many tags an entry may have.'),
  memory: memory.prefault({}).describe('Bounds of the memory tier.'),
  storeFailures: storeFailures.prefault({}).describe('What is done about a shared store that fails.'),
  failures: failures.prefault({}).describe('What is done about keys that fail to load.'),
});

export type CacheSettings = z.output<typeof cacheOptions>;

/** What {@link createCache} takes. */
export interface CacheOptions<Value = unknown> extends z.input<typeof cacheOptions> {
  /** Redis or Valkey: a URL, URLs of a cluster's nodes, or a client of node-redis, whose settings are copied. */
  readonly redis?: RedisTarget;
  /** Another store that several processes share. */
  readonly store?: KvStore;
  /** Where there is no shared store: tells the other workers of this machine of invalidations. */
  readonly bus?: Bus;
  /** How hard pressed the service is, 0 to 1: TTLs stretch with it, see `maxStretch`; from 0.5 on nothing is prefetched. */
  readonly pressure?: () => number;
  /** How values become bytes, and how large they count in memory. */
  readonly codec?: Codec<Value>;
}
