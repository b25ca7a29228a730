import { z } from 'zod';
import { duration } from '../kernel/index.ts';
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

const waits = z
  .strictObject({
    critical: duration().prefault('300ms'),
    high: duration().prefault('150ms'),
    normal: duration().prefault('60ms'),
    low: duration().prefault('30ms'),
    background: duration().prefault('15ms'),
  })
  .refine(lesserFirst, 'lesser work must be refused first: each wait at most that of the priority above it');

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
  /** What someone has set by hand, 0 to 10. */
  operator: { background: 1, low: 3, normal: 6, high: 8, critical: 10 },
};

export const shedOptions = z.strictObject({
  maxWait: waits
    .prefault({})
    .describe(
      'How long work of each priority may wait for the event loop; what has waited longer is refused, in a burst at twice that.',
    ),
  window: duration({ min: '10ms', max: '10s' }).prefault('100ms').describe('How often the admission level is reckoned anew.'),
  tiers: z
    .array(z.string())
    .max(16)
    .default([])
    .describe('Subscription tiers, most deserving first; within a priority the last is refused first.'),
  signals: z
    .record(z.string(), thresholds)
    .default({})
    .transform((own) => ({ ...SIGNALS, ...own }))
    .describe(
      'Thresholds of reported signals per priority; adds to or replaces health, memory, poolWaitMs, queueAgeMs and operator.',
    ),
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
