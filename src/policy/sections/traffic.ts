import { z } from 'zod';
import { count, duration } from '../../kernel/index.ts';
import { PRIORITIES } from '../types.ts';

const limit = z.strictObject({
  limit: count(1).describe('Requests allowed in the window.'),
  window: duration({ min: '1s', max: '31d' }).describe('Length of the rolling window.'),
  algorithm: z
    .enum(['sliding', 'smooth'])
    .default('sliding')
    .describe('`sliding`: never more than the limit in any window; `smooth`: an even pace with a burst.'),
  burst: count(1).optional().describe('`smooth` only: how many may come at once.'),
  by: z.enum(['ip', 'user', 'apiKey']).default('ip').describe('Whose quota it is.'),
});

/**
 * What a class and a route have in common: a route's value goes before its class's, and that before the built-in's. No
 * defaults here, so that each layer knows what the user wrote.
 */
export const trafficOptions = {
  priority: z.enum(PRIORITIES).optional().describe('What is served first and shed last.'),
  cache: z.boolean().optional().describe('Whether answers may be stored and served again.'),
  freshness: z
    .enum(['policy', 'origin'])
    .optional()
    .describe(
      `\`policy\`: the times below apply unless the origin forbids storing; \`origin\`: the origin's own headers decide.`,
    ),
  revalidate: duration({ min: '1s', max: '365d' })
    .optional()
    .describe('Age at which an answer is made anew, behind the one being served.'),
  memoryTtl: duration({ max: '365d' })
    .optional()
    .describe('How long a process serves its own copy before it asks the store again.'),
  storeTtl: duration({ min: '1s', max: '365d' })
    .optional()
    .describe('How long the shared store keeps an answer before its grace begins; at least until `revalidate`.'),
  grace: duration({ max: '365d' })
    .optional()
    .describe('How long past its freshness an answer may serve while a new one is made, or while the origin fails.'),
  forceAfter: duration({ min: '1s', max: '365d' })
    .optional()
    .describe('Age at which an answer is made anew whatever else is said.'),
  query: z
    .union([z.literal('all'), z.array(z.string().min(1))])
    .optional()
    .describe('Query parameters that make a different page; others are dropped from the key. `all`: every one.'),
  varyHeaders: z
    .array(z.string().min(1))
    .optional()
    .describe(`Request headers that make a different page, beyond the origin's Vary.`),
  varyCookies: z.array(z.string().min(1)).optional().describe('Cookies that make a different page.'),
  browserTtl: duration({ max: '365d' }).optional().describe('How long a browser may keep an answer: max-age of Cache-Control.'),
  cdnTtl: duration({ max: '365d' })
    .optional()
    .describe('How long a CDN may keep an answer: s-maxage, CDN-Cache-Control and Surrogate-Control.'),
  cdnGrace: duration({ max: '365d' }).optional().describe('How long past that a CDN may serve it while it fetches a new one.'),
  immutable: z
    .boolean()
    .optional()
    .describe('Whether a browser need not ask again at all: for file names that change with their content.'),
  limit: z.array(limit).optional().describe(`A client's quota; all of them must allow a request.`),
  timeout: duration({ min: '1ms', max: '1h' })
    .optional()
    .describe('How long the upstream may take until the head of its answer.'),
  slo: z
    .strictObject({ p95: duration({ min: '1ms', max: '1h' }).describe('95 of 100 requests are answered within this time.') })
    .optional()
    .describe('The objective that alerts and reports measure against.'),
};

export const trafficSchema = z.strictObject(trafficOptions);
export type TrafficOptions = z.output<typeof trafficSchema>;
