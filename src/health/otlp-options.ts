import { z } from 'zod';
import { duration, type Events } from '../kernel/index.ts';

/** Options of `createOtlpExport`. */
export const otlpOptions = z.strictObject({
  url: z
    .url({ protocol: /^https?$/ })
    .default('http://127.0.0.1:4318/v1/metrics')
    .describe('Where the collector takes metrics by OTLP over HTTP.'),
  headers: z.record(z.string(), z.string()).default({}).describe('Sent along: a token for the collector.'),
  every: duration({ min: '1s', max: '1h' }).prefault('30s').describe('How often metrics are sent.'),
});

/** What users pass. */
export type OtlpOptions = z.input<typeof otlpOptions>;

export interface OtlpEvents {
  /** The collector did not take a batch; the next one holds the same totals and more. */
  failed: { readonly error: unknown };
}

/** What sends metrics to a collector. */
export interface OtlpExport {
  readonly events: Events<OtlpEvents>;
  /** Sends what is counted now; two at once are one. */
  send(): Promise<void>;
  /** Sends once more, then ends. */
  stop(): Promise<void>;
}
