import { z } from 'zod';
import { count, size } from '../../kernel/index.ts';
import { durationText } from './duration-text.ts';

/** No defaults: what is absent is the rule's, the cache's or `createCache`'s. */
const times = {
  class: z
    .string()
    .min(1)
    .optional()
    .describe('The class whose times values have: its storeTtl is their TTL, its memoryTtl how long a process keeps its copy.'),
  ttl: durationText().optional().describe('How long a value is fresh.'),
  memoryTtl: durationText().optional().describe('How long one process keeps its copy before it asks the store again.'),
  grace: durationText().optional().describe('How long past its TTL a stale value may serve while a new one loads.'),
  staleIfError: durationText().optional().describe('How long past its TTL a stale value may serve when loading fails.'),
};

const memory = z.strictObject({
  maxEntries: count(1).optional().describe('How many entries one process keeps in memory.'),
  maxBytes: size({ min: '64kb' })
    .transform((bytes) => `${bytes}b` as const)
    .optional()
    .describe('How many bytes of values one process keeps in memory, roughly.'),
});

/** Caches of values that the application keeps, by name; passed on to `createCache`. */
export const cachesSection = z.record(
  z.string().regex(/^[A-Za-z][\w.-]{0,63}$/, 'a name of letters and digits'),
  z.strictObject({
    ...times,
    rules: z
      .record(z.string().min(1), z.strictObject(times))
      .default({})
      .describe('Times by what a key starts with, such as `user:`; the longest one wins.'),
    contentRules: z
      .boolean()
      .default(false)
      .describe('Begin with rules for `content:`, `user:`, `profile:`, `analytics:` and `tasks:active:`.'),
    maxStaleness: durationText({ min: '20ms' })
      .optional()
      .describe('For how long after an invalidation a process that cannot hear of it may still call the old value fresh.'),
    storeTimeout: durationText({ min: '1ms' }).optional().describe('How long a call of Redis may take.'),
    maxStretch: z
      .number()
      .min(1)
      .max(100)
      .default(2)
      .describe('How many times longer TTLs are while the service is critical; half of the way while it is degraded. 1: never.'),
    memory: memory.default({}).describe('Bounds of the memory tier.'),
  }),
);

/** The section as it was parsed. */
export type CachesPolicy = z.output<typeof cachesSection>;
/** Times of a cache, or of a rule, as they were declared. */
export type DeclaredTimes = CachesPolicy[string]['rules'][string];
