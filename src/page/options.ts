import { z } from 'zod';
import { count, duration, share, size } from '../kernel/index.ts';

export const pageOptionsSchema = z.strictObject({
  profile: z
    .enum(['safe', 'rfc'])
    .default('safe')
    .describe('`safe` never shares answers to credentials or answers that set cookies; `rfc` shares all that RFC 9111 allows.'),
  name: z
    .string()
    .regex(/^[A-Za-z*][\w.:/%*-]*$/)
    .default('spillway')
    .describe('How this cache calls itself in `Cache-Status`.'),
  maxBodySize: size({ min: '1kb', max: '1gb' })
    .prefault('8mb')
    .describe('Larger bodies are streamed to the client and not stored.'),
  maxKeyLength: count(64, 65_536).default(2048).describe('Requests whose key has more characters than this pass by the cache.'),
  maxFills: count(1)
    .default(1000)
    .describe('Pages fetched at the same time in one process; requests beyond that pass by the cache.'),
  compress: z.boolean().default(true).describe('Store bodies in gzip, br and zstd too and answer in what the client accepts.'),
  compressAbove: size().prefault('1kb').describe('Smaller bodies are not compressed.'),
  compressConcurrency: count(1, 64).default(2).describe('Bodies compressed at the same time.'),
  keepForValidation: duration()
    .prefault('24h')
    .describe('How long past its freshness an answer with a validator is kept so that the origin can say 304.'),
  retryAfterError: duration({ min: '100ms' })
    .prefault('1s')
    .describe('After a failed attempt, how long a stale page serves without another; doubles up to a minute.'),
  changeThreshold: share().default(0.05).describe('A reported change of a number by at least this share takes effect at once.'),
});

export type PageOptions = z.input<typeof pageOptionsSchema>;
export type ResolvedPageOptions = z.output<typeof pageOptionsSchema>;
