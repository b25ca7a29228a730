import { z } from 'zod';
import { count, share } from '../../kernel/index.ts';
import { durationText } from './duration-text.ts';

/** When an endpoint is left alone, and how it comes back; passed on to `createBreaker`. */
export const breakerSection = z.strictObject({
  preset: z
    .enum(['rate', 'classic'])
    .optional()
    .describe('`rate` judges rates; `classic`: five failures within a minute open it for half a minute.'),
  window: durationText({ min: '100ms', max: '1h' }).optional().describe('How far back calls count towards the rates.'),
  failureRate: share().optional().describe('Share of failed calls in the window that opens the breaker.'),
  minimumCalls: count(1).optional().describe('Calls in the window below which no rate is judged.'),
  failures: count(1).optional().describe('Failed calls in the window that open the breaker whatever the rate.'),
  consecutiveFailures: count(0).optional().describe('Gateway errors in a row that open the breaker; 0: never.'),
  slowCall: durationText({ min: '1ms' }).optional().describe('A call that takes at least this long counts as slow.'),
  slowCallRate: share().optional().describe('Share of slow calls in the window that opens the breaker.'),
  openFor: durationText({ min: '1ms' })
    .optional()
    .describe('How long it stays open the first time; each further time twice as long.'),
  openForMax: durationText({ min: '1ms' }).optional().describe('The longest it stays open by its own reckoning.'),
  ramp: z.array(share()).optional().describe('Shares of the calls let through in turn on the way back.'),
  rampStep: durationText().optional().describe('How long each step of the way back lasts at least.'),
  mode: z
    .enum(['enabled', 'disabled', 'metricsOnly'])
    .optional()
    .describe('`disabled`: let everything through; `metricsOnly`: decide and report, refuse nothing.'),
});
