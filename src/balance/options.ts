import { z } from 'zod';
import { count, duration, share } from '../kernel/index.ts';

/** How the next endpoint is chosen. */
export const STRATEGIES = ['roundRobin', 'leastConnections'] as const;
export type StrategyName = (typeof STRATEGIES)[number];

const endpointUrl = () =>
  z.url({ protocol: /^https?$/, error: `expected the address of an endpoint such as 'http://127.0.0.1:3001'` });

const endpoint = z
  .union([
    endpointUrl(),
    z.strictObject({
      url: endpointUrl().describe('Address of the endpoint: scheme, host and port.'),
      weight: count(1, 1000).default(1).describe('Its share of requests, beside the others.'),
      backup: z.boolean().default(false).describe('Used only while no other endpoint can be.'),
    }),
  ])
  .transform((one) => (typeof one === 'string' ? { url: one, weight: 1, backup: false } : one));

const outliers = z
  .strictObject({
    consecutiveFailures: count(1, 1000).default(5).describe('Failures in a row after which an endpoint is ejected.'),
    ejection: duration({ min: '1ms', max: '1h' })
      .prefault('10s')
      .describe('How long the first ejection lasts; the n-th in a row lasts n times as long.'),
    maxEjection: duration({ min: '1ms', max: '24h' }).prefault('5m').describe('Longest ejection.'),
    maxEjected: share().default(0.5).describe('Share of the endpoints that may be ejected at once.'),
  })
  .transform(({ ejection, maxEjection, ...rest }) => ({ ...rest, ejectionMs: ejection, maxEjectionMs: maxEjection }));

export const balancerSchema = z.strictObject({
  endpoints: z.array(endpoint).min(1, 'at least one endpoint is needed').describe('Where the service runs.'),
  strategy: z.enum(STRATEGIES).default('roundRobin').describe('How the next endpoint is chosen.'),
  outliers: outliers.prefault({}).describe('When an endpoint that fails real requests gets none for a while.'),
});

/** What a user writes. */
export type BalancerOptions = z.input<typeof balancerSchema>;
/** With every default filled in and times in ms. */
export type BalancerSettings = z.output<typeof balancerSchema>;
