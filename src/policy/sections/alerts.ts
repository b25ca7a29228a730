import { z } from 'zod';
import { count, duration, share } from '../../kernel/index.ts';

const severity = z.enum(['page', 'ticket']).describe('`page`: someone must look now; `ticket`: someone must look this week.');
const holdFor = (text: string) => duration({ max: '7d' }).prefault(text).describe('How long it must hold before it fires.');

const thresholds = z.strictObject({
  responseTime: z
    .strictObject({
      above: duration({ min: '1ms' }).prefault('2s').describe('Time that 95 of 100 requests stay within.'),
      for: holdFor('2m'),
      severity: severity.default('page'),
    })
    .prefault({})
    .describe('Answers take too long.'),
  memory: z
    .strictObject({
      above: share().default(0.8).describe('Share of its limit.'),
      for: holdFor('5m'),
      severity: severity.default('page'),
    })
    .prefault({})
    .describe('Memory runs out.'),
  errors: z
    .strictObject({
      above: share().default(0.01).describe('Share of requests answered 5xx.'),
      for: holdFor('2m'),
      severity: severity.default('page'),
    })
    .prefault({})
    .describe('Too many requests fail.'),
  hitRate: z
    .strictObject({
      below: share().default(0.85).describe('Share of page requests answered from the cache.'),
      for: holdFor('10m'),
      severity: severity.default('ticket'),
    })
    .prefault({})
    .describe('The page cache is missed too often.'),
  regenerationQueue: z
    .strictObject({
      above: count().default(500).describe('Pages waiting to be made anew.'),
      for: holdFor('1m'),
      severity: severity.default('ticket'),
    })
    .prefault({})
    .describe('Regeneration does not keep up.'),
});

const custom = z
  .strictObject({
    signal: z.string().min(1).describe('A signal of the history: `class.critical.p95`; GET /api/history lists them.'),
    above: z.number().optional().describe('It fires above this.'),
    below: z.number().optional().describe('It fires below this.'),
    for: holdFor('2m'),
    severity: severity.default('ticket'),
  })
  .refine((rule) => (rule.above === undefined) !== (rule.below === undefined), { message: 'a rule has either above or below' });

const webUrl = z.url({ protocol: /^https?$/, error: 'is not an http or https address' });

const receiver = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('webhook').describe('Any receiver of JSON.'),
    url: webUrl.describe('Takes a POST with the alerts as JSON.'),
    headers: z.record(z.string(), z.string()).default({}).describe('Sent along: a token for the receiver.'),
  }),
  z.strictObject({
    type: z.literal('slack').describe('Slack, or what speaks its JSON.'),
    url: webUrl.describe('An incoming webhook of Slack, or of what speaks its JSON.'),
  }),
  z.strictObject({ type: z.literal('log').describe('A line in the log.') }),
]);

export const alertsSection = z.strictObject({
  thresholds: thresholds.prefault({}).describe('The built-in rules.'),
  rules: z
    .record(z.string().regex(/^[A-Za-z][A-Za-z0-9]*$/, 'a name of letters and digits'), custom)
    .default({})
    .describe('Rules of your own, by name.'),
  notify: z
    .array(receiver)
    .max(16)
    .default([{ type: 'log' }])
    .describe('Who is told.'),
  groupWait: duration({ max: '10m' })
    .prefault('10s')
    .describe('How long further alerts are waited for, to tell of them together.'),
  repeat: duration({ min: '1m', max: '7d' }).prefault('4h').describe('How often an alert that still holds is told of again.'),
});

/** Alerts, resolved: times in ms. */
export type AlertsPolicy = z.output<typeof alertsSection>;
