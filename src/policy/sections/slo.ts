import { z } from 'zod';
import { duration, share } from '../../kernel/index.ts';

const objective = z
  .strictObject({
    class: z.string().min(1).optional().describe('The route class it is about. Absent: all traffic.'),
    availability: share().min(0.5).max(0.99999).optional().describe('Share of requests that must not be answered 5xx: 0.999.'),
    latency: z
      .strictObject({
        below: duration({ min: '5ms', max: '10s' }).describe('The time to answer within.'),
        share: share().min(0.5).max(0.99999).default(0.95).describe('Share of requests that must be answered within it.'),
      })
      .optional()
      .describe('How fast requests must be answered.'),
  })
  .refine((one) => (one.availability === undefined) !== (one.latency === undefined), {
    message: 'an objective has either availability or latency; declare two for both',
  });

export const sloSection = z.strictObject({
  objectives: z
    .record(z.string().regex(/^[a-z][a-z0-9-]*$/, 'a name of lower-case letters, digits and dashes'), objective)
    .prefault({ availability: { availability: 0.999 } })
    .describe('What the service promises, by name. Objectives declared by classes (`slo.p95`) come on top.'),
  window: duration({ min: '1d', max: '90d' }).prefault('30d').describe('Over how long the promise is counted.'),
});

/** Objectives, resolved: times in ms. */
export type SloPolicy = z.output<typeof sloSection>;
