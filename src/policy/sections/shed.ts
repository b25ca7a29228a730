import { z } from 'zod';
import { PRIORITIES } from '../types.ts';
import { durationText } from './duration-text.ts';

/** When the process refuses work, and whose; passed on to `createShedder`. */
export const shedSection = z.strictObject({
  maxWait: z
    .partialRecord(z.enum(PRIORITIES), durationText())
    .optional()
    .describe('How long work of each priority may wait for the event loop; what has waited longer is refused.'),
  window: durationText({ min: '10ms', max: '10s' }).optional().describe('How often the admission level is reckoned anew.'),
  tiers: z.array(z.string()).max(16).optional().describe('Subscription tiers, most deserving first; the last is refused first.'),
  signals: z
    .record(z.string(), z.partialRecord(z.enum(PRIORITIES), z.number()))
    .optional()
    .describe('Values of reported signals from which work of a priority is refused: `{ memory: { low: 0.8 } }`.'),
  signalTtl: durationText({ min: '100ms' }).optional().describe('How long a reported value holds without a new one.'),
  retryAfterMin: durationText().optional().describe('The shortest Retry-After of a refusal.'),
  retryAfterMax: durationText().optional().describe('The longest; each refusal draws one between.'),
  shadow: z.boolean().optional().describe('Decide and report, but refuse nobody.'),
});
