import { z } from 'zod';
import { count, duration, size } from '../../kernel/index.ts';

/** What bounds a batch of requests. */
export const batchOptions = {
  maxRequests: count(1, 1000).default(20).describe('Most requests in one batch.'),
  concurrency: count(1, 100).default(5).describe('Requests of one batch that run at once.'),
  maxBytes: size({ max: '100mb' }).prefault('1mb').describe('Largest batch, and largest answer to one of its requests.'),
  timeout: duration({ min: '1ms', max: '10m' })
    .prefault('10s')
    .describe('How long the batch may take; what is not answered by then is answered 504.'),
} as const;

export const batchSection = z
  .strictObject({
    path: z.string().startsWith('/').default('/_batch').describe('Where batches are sent to, by POST.'),
    ...batchOptions,
  })
  .transform(({ timeout, ...rest }) => ({ ...rest, timeoutMs: timeout }));
