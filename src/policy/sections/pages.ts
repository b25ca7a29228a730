import { z } from 'zod';
import { count, duration, share, size } from '../../kernel/index.ts';

const regeneration = z.strictObject({
  maxWaiting: count(1)
    .default(1000)
    .describe('Pages that may wait to be made again in the whole fleet; a full queue gives up its least important.'),
  concurrency: count(1, 1000).default(5).describe('Regenerations that run at once in the whole fleet.'),
  perDay: count(1)
    .default(5000)
    .describe('Regenerations a day (UTC) in the whole fleet; pages that clients wait for are not counted.'),
  attempts: count(1, 100).default(3).describe('Attempts before a regeneration is given up; the last good page stays.'),
  retryDelay: duration({ min: '10ms' }).prefault('10s').describe('Pause before the second attempt; doubles, spread by chance.'),
  alertAbove: count().default(500).describe('Above this many pages waiting in the fleet `queueLong` is reported.'),
  popularAbovePerHour: count(1)
    .default(100)
    .describe('Pages asked for more often than this, in the whole fleet, are made again early.'),
  maxKnownPages: count(1).default(20_000).describe('Pages one process remembers for making them again.'),
});

const predict = z.strictObject({
  enabled: z.boolean().default(false).describe('Learn where visitors go next and have those pages ready.'),
  confidence: share().default(0.3).describe('Share of the visitors of a page that must go on to the next one.'),
  maxPages: count(1).default(10_000).describe('Pages whose next steps are counted.'),
  maxVisitors: count(1).default(10_000).describe('Visitors whose last page is remembered.'),
});

/** What users say of pages as a whole; times of single routes are their class's. */
export const pagesSection = z.strictObject({
  profile: z
    .enum(['safe', 'rfc'])
    .default('safe')
    .describe('`safe` never shares answers to credentials or answers that set cookies; `rfc` shares all that RFC 9111 allows.'),
  authority: z
    .string()
    .optional()
    .describe('Host (and port) of the site, for making pages nobody has asked for yet: `example.com`.'),
  maxBodySize: size({ min: '1kb', max: '1gb' })
    .prefault('8mb')
    .describe('Larger bodies are streamed to the client and not stored.'),
  maxKeyLength: count(64, 65_536).default(2048).describe('Requests whose key has more characters than this pass by the cache.'),
  keepForValidation: duration()
    .prefault('24h')
    .describe('How long past its freshness an answer with a validator is kept so that the origin can say 304.'),
  retryAfterError: duration({ min: '100ms' })
    .prefault('1s')
    .describe('After a failed attempt, how long a stale page serves without another; doubles up to a minute.'),
  changeThreshold: share().default(0.05).describe('A reported change of a number by at least this share takes effect at once.'),
  regeneration: regeneration.prefault({}).describe('Making pages again without anybody waiting.'),
  predict: predict.prefault({}).describe('Warming ahead of visitors.'),
});

/** The section as it was parsed: times in ms, sizes in bytes. */
export type PagesPolicy = z.output<typeof pagesSection>;
