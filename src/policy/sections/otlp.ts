import { z } from 'zod';
import { duration } from '../../kernel/index.ts';

export const otlpSection = z.strictObject({
  url: z
    .url({ protocol: /^https?$/ })
    .default('http://127.0.0.1:4318/v1/metrics')
    .describe('Where the collector takes metrics by OTLP over HTTP.'),
  headers: z.record(z.string(), z.string()).default({}).describe('Sent along: a token for the collector.'),
  every: duration({ min: '1s', max: '1h' }).prefault('30s').describe('How often metrics are sent.'),
});

/** Where metrics are sent, resolved: times in ms. */
export type OtlpPolicy = z.output<typeof otlpSection>;
