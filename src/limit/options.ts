import { z } from 'zod';
import { count, duration, parseOptions } from '../kernel/index.ts';
import type { CounterStore } from '../ports/index.ts';
import { isAddressRange } from './address.ts';
import { PERIODS } from './calendar.ts';
import { LIMIT_PRESETS, type LimitPreset } from './presets.ts';
import { slowDownOptions } from './slow-down.ts';
import type { LimitBy } from './subject.ts';

const presetNames = Object.keys(LIMIT_PRESETS) as [LimitPreset, ...LimitPreset[]];

const fields = {
  name: z
    .string()
    .regex(/^[\w.:-]{1,64}$/)
    .describe('Name of the limit in headers, events and metrics; by default made of limit and window.'),
  limit: count(1, 2 ** 31).describe('How many units are allowed in a window.'),
  window: duration({ min: '100ms', max: '366d' }).describe('Length of the window; sliding and smooth.'),
  period: z.enum(PERIODS).describe('quota only: the calendar period that is counted in.'),
  timeZone: z
    .string()
    .refine(isTimeZone, 'not a time zone such as Europe/Berlin')
    .describe('quota only: whose midnight ends a period; by default UTC.'),
  algorithm: z
    .enum(['sliding', 'smooth', 'quota'])
    .describe('sliding: no rolling window exceeds the limit; smooth: an even rate with bursts; quota: per calendar period.'),
  burst: count(1, 2 ** 31).describe('smooth only: how many units may come at once; by default a tenth of the limit.'),
  buckets: count(2, 60).describe('sliding only: how finely the window is cut; more uses the limit better and takes more memory.'),
  by: z
    .union([
      z.enum(['ip', 'user', 'apiKey', 'everyone']),
      z.custom<LimitBy>((value) => typeof value === 'function', 'a function'),
    ])
    .describe('What is counted by: address, user, API key, all together, or a function of the subject.'),
  ipv6Prefix: count(32, 128).describe('How many leading bits of an IPv6 address count as one client.'),
};

/** One limit, with its defaults. */
export const ruleOptions = z
  .strictObject({
    ...fields,
    name: fields.name.optional(),
    window: fields.window.optional(),
    period: fields.period.optional(),
    timeZone: fields.timeZone.default('UTC'),
    algorithm: fields.algorithm.default('sliding'),
    burst: fields.burst.optional(),
    buckets: fields.buckets.optional(),
    by: fields.by.default('ip'),
    ipv6Prefix: fields.ipv6Prefix.default(56),
  })
  .refine((rule) => rule.burst === undefined || rule.algorithm === 'smooth', {
    message: "only the algorithm 'smooth' has a burst",
    path: ['burst'],
  })
  .refine((rule) => rule.algorithm === 'quota' || rule.window !== undefined, {
    message: "is missing: a limit needs a window such as '1m'",
    path: ['window'],
  })
  .refine((rule) => (rule.algorithm === 'quota') === (rule.period !== undefined), {
    message: "a quota, and nothing else, has a period such as 'day'",
    path: ['period'],
  });

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

/** What holds for every limit of a limiter, and for the limits of a whole policy. */
export const listShape = {
  allow: z.array(z.string()).default([]).describe('Addresses, subnets or keys (user:42) that are never limited.'),
  deny: z.array(z.string()).default([]).describe('Addresses, subnets or keys that are always refused.'),
  tiers: z
    .record(z.string(), z.number().positive().max(1000))
    .default({})
    .describe('Multiplier of every limit by subscription tier: { premium: 5 }.'),
  maxKeys: count(1, 16_000_000)
    .default(100_000)
    .describe('How many keys are counted at once, per limit; beyond, the least used are forgotten.'),
  slowDown: slowDownOptions.optional(),
  shadow: z.boolean().default(false).describe('Decide and report, but refuse nobody.'),
};

/** What a limiter needs to know of a shared store. */
export const storeShape = {
  store: z
    .custom<CounterStore>((value) => typeof (value as CounterStore | undefined)?.take === 'function', 'a store of counts')
    .optional()
    .describe('Counts shared by all processes, such as createRedisCounters(…); by default each process counts alone.'),
  onStoreFailure: z
    .enum(['local', 'open', 'closed'])
    .default('local')
    .describe('While the store is away: each process grants its share of the limit, or all are admitted, or all refused.'),
  storeDeadline: duration({ min: '1ms', max: '10s' }).prefault('25ms').describe('How long a decision waits for the store.'),
  leases: z
    .boolean()
    .default(false)
    .describe('Let processes take units of hot keys in advance: far fewer calls to the store, at a slightly lower usable limit.'),
  leaseAbove: count(1).default(50).describe('Decisions per second and process from which a key is hot.'),
  scope: z
    .string()
    .max(128)
    .optional()
    .describe('Limiters with the same scope share their counts in the store; by default made of the names of the limits.'),
  instances: count(1)
    .optional()
    .describe('How many processes share the limits; by default as many as the store has seen lately.'),
};

/** Options of one limiter: one limit, several under `limits`, or a preset with overrides. */
export const limiterOptions = z
  .strictObject({
    preset: z.enum(presetNames).optional().describe('A named set of limit options to start from.'),
    ...z.strictObject(fields).partial().shape,
    limits: z
      .array(ruleOptions)
      .min(1)
      .max(8)
      .optional()
      .describe('Several limits decided together: all allow, or nothing is counted.'),
    ...listShape,
    ...storeShape,
  })
  .superRefine((options, context) => {
    const single = [options.limit, options.window, options.period, options.preset].some((option) => option !== undefined);
    if (single && options.limits) context.addIssue({ code: 'custom', message: 'give either one limit or limits, not both' });
    if (!single && !options.limits)
      context.addIssue({ code: 'custom', message: 'a limit is missing: give limit and window (or period), limits, or a preset' });
    for (const range of [...options.allow, ...options.deny])
      if (!range.includes(':') && !isAddressRange(range))
        context.addIssue({ code: 'custom', message: `${range} is neither an address, a subnet nor a key such as user:42` });
  });

export type RuleInput = z.input<typeof ruleOptions>;
export type ResolvedRule = z.output<typeof ruleOptions>;
export type LimiterOptions = z.input<typeof limiterOptions>;

/** The limits that options describe: a preset, overridden by what is given beside it, or `limits`. */
export function rulesOf(
  options: z.output<typeof limiterOptions>,
  input: LimiterOptions,
  subject: string,
): readonly ResolvedRule[] {
  if (options.limits) return options.limits;
  const given = Object.entries(input).filter(([name, value]) => name in fields && value !== undefined);
  const preset = options.preset === undefined ? {} : LIMIT_PRESETS[options.preset];
  return [parseOptions(ruleOptions, { ...preset, ...Object.fromEntries(given) }, subject)];
}
