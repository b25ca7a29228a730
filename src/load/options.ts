import { z } from 'zod';
import { count, duration } from '../kernel/index.ts';

/** How a load test is run; what it does is in its definition. */
export const loadOptions = z.strictObject({
  connections: count(1, 100_000)
    .optional()
    .describe(
      'Most connections at once, over all workers. Default: 64, as many as a closed model has users, or with HTTP/2 one a worker.',
    ),
  workers: count(1, 256).default(1).describe('Processes that share the schedule.'),
  file: z
    .string()
    .optional()
    .describe('The load file as a URL, whose default export is this definition: workers load scenarios with code from it.'),
  timeout: duration({ min: '1ms' })
    .prefault('30s')
    .describe('How long a request may take, and an arrival wait for a connection.'),
  maxUsers: count(1, 1_000_000).default(10_000).describe('Most iterations of scenario code at once, over all workers.'),
  keepAlive: z.boolean().default(true).describe('Whether connections are used again; false opens one for every request.'),
  pipelining: count(1, 1024).default(1).describe('HTTP/1.1 requests in flight on one connection; 1 is what browsers do.'),
  http2: z.boolean().default(false).describe('HTTP/2, with many requests on each connection; without TLS by prior knowledge.'),
  verifyCertificate: z.boolean().default(true).describe('Whether a TLS certificate must be valid.'),
  metricsUrl: z.url().optional().describe("Where the target's Prometheus metrics are, to be read beside the load."),
  allowHosts: z
    .array(z.string())
    .default([])
    .describe('Hosts beyond loopback that may be put under load, by name: only those you may break.'),
  seed: count(0, 2 ** 32 - 1)
    .default(1)
    .describe('What chance in scenarios follows from.'),
});

export type LoadOptionsInput = z.input<typeof loadOptions>;
export type LoadOptions = z.output<typeof loadOptions>;
