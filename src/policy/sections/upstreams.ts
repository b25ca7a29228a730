import { z } from 'zod';
import { count, duration, share } from '../../kernel/index.ts';
import { address } from './address.ts';

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

const endpointUrl = () => address({ protocols: ['http', 'https'], example: 'http://127.0.0.1:3001', originOnly: true });

const endpoint = z.union([
  endpointUrl(),
  z.strictObject({
    url: endpointUrl().describe('Address of the endpoint: scheme, host and port.'),
    weight: count(1, 1000).default(1).describe('Its share of requests, beside the others.'),
    backup: z.boolean().default(false).describe('Used only while no other endpoint is healthy.'),
  }),
]);

export const upstreamSchema = z
  .strictObject({
    endpoints: z
      .array(endpoint)
      .min(1, 'at least one endpoint is needed')
      .describe('Where the service runs: addresses, or objects with weights.'),
    strategy: z.enum(STRATEGIES).default('roundRobin').describe('How the next endpoint is chosen.'),
    maxConnections: count(1, 100_000).default(256).describe('Connections a worker opens to one endpoint.'),
    connectTimeout: duration({ min: '1ms', max: '5m' }).prefault('2s').describe('How long opening a connection may take.'),
    timeout: duration({ min: '1ms', max: '1h' }).prefault('30s').describe('How long until the head of the answer.'),
    bodyTimeout: duration({ max: '1h' }).prefault('60s').describe('Longest pause between two pieces of an answer; 0: no bound.'),
    idleTimeout: duration({ max: '1h' }).prefault('30s').describe('How long an unused connection is kept.'),
    retries: z
      .strictObject({
        attempts: count(0, 10).default(1).describe('Further attempts of a request that is safe to repeat.'),
        budget: share().default(0.2).describe('Retries as a share of all requests; above it none are made.'),
      })
      .prefault({})
      .describe('Repeating requests that failed before an answer began.'),
  })
  .transform(({ endpoints, connectTimeout, timeout, bodyTimeout, idleTimeout, ...rest }) => ({
    ...rest,
    endpoints: endpoints.map((one) => (typeof one === 'string' ? { url: one, weight: 1, backup: false } : one)),
    connectTimeoutMs: connectTimeout,
    timeoutMs: timeout,
    bodyTimeoutMs: bodyTimeout,
    idleTimeoutMs: idleTimeout,
  }));

export const upstreamsSection = z.record(z.string().min(1), upstreamSchema);
