import { z } from 'zod';
import { count, duration, share } from '../kernel/index.ts';
import { BreakerHints } from './hints.ts';

const shape = {
  window: duration({ min: '100ms', max: '1h' }).describe('How far back calls count towards the rates.'),
  failureRate: share().describe('Share of failed calls in the window that opens the breaker.'),
  minimumCalls: count(1).describe('Calls in the window below which no rate is judged.'),
  failures: count(1).describe('Failed calls in the window that open the breaker whatever the rate.'),
  consecutiveFailures: count(0).describe('Gateway errors (no answer, 502, 503, 504) in a row that open the breaker; 0: never.'),
  slowCall: duration({ min: '1ms' }).describe('A call that takes at least this long counts as slow.'),
  slowCallRate: share().describe('Share of slow calls in the window that opens the breaker.'),
  openFor: duration({ min: '1ms' }).describe('How long it stays open the first time; each further time twice as long.'),
  openForMax: duration({ min: '1ms' }).describe('The longest it stays open by its own reckoning.'),
  retryAfterMax: duration().describe("The longest it stays open because the dependency's Retry-After said so."),
  trialCalls: count(1).describe('How many calls it lets through at first when half-open.'),
  trialSuccessRate: share().describe('Share of successes each step of the recovery needs.'),
  trialMinimumCalls: count(1).describe('Results each step of the recovery needs.'),
  ramp: z
    .array(share())
    .describe('Shares of the calls let through in turn on the way from half-open to closed; empty: close at once.'),
  rampStep: duration().describe('How long each step of the ramp lasts at least.'),
  mode: z
    .enum(['enabled', 'disabled', 'metricsOnly', 'isolated'])
    .describe(
      'disabled: let everything through, count nothing; metricsOnly: decide and report, refuse nothing; isolated: refuse everything.',
    ),
};

/** Breakers by name. */
export const BREAKER_PRESETS = {
  /** Judges rates; the default. */
  rate: {},
  /** The textbook breaker: five failures within a minute open it for half a minute. */
  classic: { failures: 5, window: '60s', openFor: '30s', openForMax: '30s' },
} as const satisfies Record<string, Partial<z.input<z.ZodObject<typeof shape>>>>;

export type BreakerPreset = keyof typeof BREAKER_PRESETS;

/** Options of one breaker. */
export const breakerOptions = z.strictObject({
  name: z.string().max(128).default('dependency').describe('Name of the dependency in events, errors and metrics.'),
  window: shape.window.prefault('10s'),
  failureRate: shape.failureRate.default(0.5),
  minimumCalls: shape.minimumCalls.default(20),
  failures: shape.failures.optional(),
  consecutiveFailures: shape.consecutiveFailures.default(5),
  slowCall: shape.slowCall.optional(),
  slowCallRate: shape.slowCallRate.default(0.5),
  openFor: shape.openFor.prefault('1s'),
  openForMax: shape.openForMax.prefault('60s'),
  retryAfterMax: shape.retryAfterMax.prefault('5m'),
  trialCalls: shape.trialCalls.default(10),
  trialSuccessRate: shape.trialSuccessRate.default(0.9),
  trialMinimumCalls: shape.trialMinimumCalls.default(5),
  ramp: shape.ramp.default([0.1, 0.25, 0.5, 1]),
  rampStep: shape.rampStep.prefault('1s'),
  mode: shape.mode.default('enabled'),
  hints: z
    .custom<BreakerHints>((value) => value instanceof BreakerHints, 'hints, as createBreakerHints(bus) makes them')
    .optional()
    .describe('Shares openings with other processes, where a single failure then opens the breaker of the same name.'),
});

export type BreakerOptions = z.input<typeof breakerOptions> & {
  /** A named set of options to start from. */
  readonly preset?: BreakerPreset;
};
export type ResolvedBreakerOptions = z.output<typeof breakerOptions>;
