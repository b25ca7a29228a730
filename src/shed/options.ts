import { z } from 'zod';
import { count, duration, share } from '../kernel/index.ts';
import { PRIORITIES, type Priority } from '../policy/index.ts';

/** Per priority, the value of a signal from which work of that priority is refused; a missing one is never refused for it. */
const thresholds = z
  .strictObject({
    critical: z.number().optional(),
    high: z.number().optional(),
    normal: z.number().optional(),
    low: z.number().optional(),
    background: z.number().optional(),
  })
  .refine(lesserFirst, 'lesser work must be refused first: each threshold at most that of the priority above it');

const targets = z
  .strictObject({
    critical: duration().prefault('150ms'),
    high: duration().prefault('60ms'),
    normal: duration().prefault('20ms'),
    low: duration().prefault('10ms'),
    background: duration().prefault('5ms'),
  })
  .refine(lesserFirst, 'lesser work must be refused first: each target at most that of the priority above it');

/** Signals that other rooms report, with their units in their names. */
const SIGNALS: Record<string, z.input<typeof thresholds>> = {
  /** 0 healthy, 1 degraded, 2 critical. */
  health: { background: 1, low: 2 },
  /** Share of the memory the process may use. */
  memory: { background: 0.75, low: 0.85, normal: 0.92, high: 0.96 },
  /** How long the database pool's next client has waited, ms. */
  poolWaitMs: { background: 50, low: 200, normal: 1000, high: 2500 },
  /** Age of the oldest waiting job, ms. */
  queueAgeMs: { background: 60_000, low: 300_000 },
};

export const shedOptions = z.strictObject({
  targets: targets.prefault({}).describe('How long work of each priority may wait in the event loop before it is refused.'),
  suddenFactor: z
    .number()
    .min(1)
    .default(3)
    .describe('A wait of this many times the target refuses at once; a shorter one only when it lasts.'),
  window: duration({ min: '10ms', max: '10s' }).prefault('100ms').describe('How often the admission level is reckoned anew.'),
  windowRequests: count(10).default(200).describe('Requests after which it is reckoned anew, if they come sooner.'),
  decrease: share().default(0.05).describe('Share by which the admitted load shrinks in an overloaded window.'),
  increase: share().default(0.01).describe('Share by which it grows in the first good window; doubled in each further one.'),
  tiers: z
    .array(z.string())
    .max(16)
    .default([])
    .describe('Subscription tiers, most deserving first; within a priority the last is refused first.'),
  signals: z
    .record(z.string(), thresholds)
    .default({})
    .transform((own) => ({ ...SIGNALS, ...own }))
    .describe('Thresholds of reported signals per priority; adds to or replaces health, memory, poolWaitMs and queueAgeMs.'),
  signalTtl: duration({ min: '100ms' }).prefault('10s').describe('How long a reported value holds without a new one.'),
  retryAfterMin: duration().prefault('1s').describe('The shortest Retry-After of a refusal.'),
  retryAfterMax: duration()
    .prefault('3s')
    .describe('The longest; each refusal draws one between, so that clients do not return together.'),
  shadow: z.boolean().default(false).describe('Decide and report, but refuse nobody.'),
});

export type ShedderOptions = z.input<typeof shedOptions>;
export type ResolvedShedderOptions = z.output<typeof shedOptions>;
export type Thresholds = z.output<typeof thresholds>;

function lesserFirst(values: Partial<Record<Priority, number | undefined>>): boolean {
  const given = PRIORITIES.map((priority) => values[priority] ?? Infinity);
  return given.every((value, i) => i === 0 || value <= given[i - 1]!);
}
