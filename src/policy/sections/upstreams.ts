import { z } from 'zod';
import { count, duration, share } from '../../kernel/index.ts';
import { address } from './address.ts';
import { breakerSection } from './breaker.ts';

/** How the next endpoint is chosen. */
export const STRATEGIES = [
  'roundRobin',
  'weighted',
  'leastConnections',
  'responseTime',
  'ipHash',
  'consistentHash',
  'adaptive',
] as const;
export type Strategy = (typeof STRATEGIES)[number];

function endpoint(protocols: readonly string[]) {
  const url = () => address({ protocols, example: 'http://127.0.0.1:3001', originOnly: true });
  const whole = z.strictObject({
    url: url().describe('Address of the endpoint: scheme, host and port.'),
    weight: count(1, 1000).default(1).describe('Its share of requests, beside the others.'),
    backup: z.boolean().default(false).describe('Used only while no other endpoint can be.'),
    zone: z.string().min(1).optional().describe('Where it stands; requests stay within their own zone while they can.'),
    reservedFor: z
      .array(z.string().min(1))
      .default([])
      .describe('Subscription tiers it is kept for: `premium`; empty: for everyone.'),
  });
  return z
    .union([url(), whole])
    .transform((one) =>
      typeof one === 'string' ? { url: one, weight: 1, backup: false, zone: undefined, reservedFor: [] } : one,
    );
}

/** Where a service runs, by addresses of these protocols. */
export function endpointsOption(protocols: readonly string[]) {
  return z
    .array(endpoint(protocols))
    .min(1, 'at least one endpoint is needed')
    .describe('Where the service runs: addresses, or objects with weights.');
}

const health = z
  .strictObject({
    path: z.string().startsWith('/').default('/').describe('What is asked for.'),
    host: z.string().min(1).optional().describe('The Host field of the question; absent: the address of the endpoint.'),
    interval: duration({ min: '10ms', max: '1h' })
      .prefault('2s')
      .describe('Time between two questions, spread by a fifth to both sides.'),
    timeout: duration({ min: '1ms', max: '5m' }).prefault('1s').describe('How long an answer may take.'),
    up: count(1, 100).default(2).describe('Good answers in a row that make an endpoint usable again.'),
    down: count(1, 100).default(3).describe('Bad answers in a row that make it unusable.'),
    status: z.array(z.int().min(100).max(599)).default([200, 204]).describe('Statuses that are good answers.'),
    body: z.string().min(1).optional().describe('Text a good answer holds.'),
  })
  .transform(({ interval, timeout, ...rest }) => ({ ...rest, intervalMs: interval, timeoutMs: timeout }));

const outliers = z
  .strictObject({
    consecutiveFailures: count(1, 1000).default(5).describe('Failures in a row after which an endpoint is ejected.'),
    interval: duration({ min: '100ms', max: '1h' })
      .prefault('10s')
      .describe('How often the success rates of the endpoints are compared.'),
    ejection: duration({ min: '1ms', max: '1h' })
      .prefault('10s')
      .describe('How long the first ejection lasts; the n-th in a row lasts n times as long.'),
    maxEjection: duration({ min: '1ms', max: '24h' }).prefault('5m').describe('Longest ejection.'),
    maxEjected: share().default(0.5).describe('Share of the endpoints that may be ejected at once.'),
  })
  .transform(({ interval, ejection, maxEjection, ...rest }) => ({
    ...rest,
    intervalMs: interval,
    ejectionMs: ejection,
    maxEjectionMs: maxEjection,
  }));

/** What a balancer needs to know; a whole upstream has more. */
export const balancingOptions = {
  endpoints: endpointsOption(['http', 'https']),
  strategy: z.enum(STRATEGIES).default('adaptive').describe('How the next endpoint is chosen.'),
  zone: z.string().min(1).optional().describe('Where this process stands: endpoints of the same zone come first.'),
  health: health.optional().describe('Questions asked of every endpoint to learn how it is; absent: none.'),
  outliers: outliers.prefault({}).describe('When an endpoint that fails real requests gets none for a while.'),
  breaker: breakerSection
    .optional()
    .describe('A circuit breaker round every endpoint, the only one too: what fails or is slow is left alone; absent: none.'),
  slowStart: duration({ max: '1h' })
    .prefault('30s')
    .describe('How long an endpoint that comes back takes to its full share; it begins at a tenth.'),
  panic: share().default(0).describe('When a smaller share of the endpoints is usable, all are used: 0: only when none is.'),
} as const;

export const upstreamSchema = z
  .strictObject({
    ...balancingOptions,
    maxConnections: count(1, 100_000).default(256).describe('Connections a worker opens to one endpoint.'),
    connectTimeout: duration({ min: '1ms', max: '5m' }).prefault('2s').describe('How long opening a connection may take.'),
    timeout: duration({ min: '1ms', max: '1h' }).prefault('30s').describe('How long until the head of the answer.'),
    attemptTimeout: duration({ min: '1ms', max: '1h' })
      .optional()
      .describe('How long one attempt may take until the head of the answer, where another one can follow.'),
    bodyTimeout: duration({ max: '1h' }).prefault('60s').describe('Longest pause between two pieces of an answer; 0: no bound.'),
    idleTimeout: duration({ min: '1ms', max: '1h' }).prefault('30s').describe('How long an unused connection is kept.'),
    retries: z
      .strictObject({
        attempts: count(0, 10).default(1).describe('Further attempts of a request that is safe to repeat.'),
        budget: share().default(0.2).describe('Retries as a share of all requests; above it none are made.'),
      })
      .prefault({})
      .describe('Repeating requests that failed before an answer began.'),
    hedgeAfter: duration({ min: '1ms', max: '1m' })
      .optional()
      .describe('When a request that is safe to repeat has no answer after so long, another endpoint is asked too.'),
    etags: z
      .boolean()
      .default(false)
      .describe(
        'Gives uncached answers up to 16 kB that have no entity tag one, and answers 304 to a client that has them already.',
      ),
    sticky: z
      .strictObject({
        cookie: z
          .string()
          .regex(/^[\w-]+$/, 'a cookie name holds letters, digits, _ and -')
          .default('spillway-endpoint')
          .describe('Name of the cookie.'),
        secret: z
          .string()
          .min(16, 'a secret has at least 16 characters')
          .describe('Signs the cookie; the same on every instance.'),
        ttl: duration({ min: '1s', max: '365d' }).prefault('1h').describe('How long a client stays with its endpoint.'),
      })
      .transform(({ ttl, ...rest }) => ({ ...rest, ttlMs: ttl }))
      .optional()
      .describe('Keeps a client at the endpoint that served it first, by a signed cookie, on uncached routes.'),
  })
  .transform(({ slowStart, connectTimeout, timeout, attemptTimeout, bodyTimeout, idleTimeout, hedgeAfter, ...rest }) => ({
    ...rest,
    slowStartMs: slowStart,
    connectTimeoutMs: connectTimeout,
    timeoutMs: timeout,
    attemptTimeoutMs: attemptTimeout,
    bodyTimeoutMs: bodyTimeout,
    idleTimeoutMs: idleTimeout,
    hedgeAfterMs: hedgeAfter,
  }));

export const upstreamsSection = z.record(z.string().min(1), upstreamSchema);
