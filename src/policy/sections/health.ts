import { z } from 'zod';
import { duration, share } from '../../kernel/index.ts';

const degraded = z.strictObject({
  cpu: share().default(0.7).describe('CPU use of the workers, 1 being one core each.'),
  memory: share().default(0.75).describe('Memory in use of what the process or its heap may have, the tighter of the two.'),
  errors: share().default(0.2).describe('Share of requests answered 5xx.'),
  responseTime: duration({ min: '1ms' }).prefault('2s').describe('Time that 95 of 100 requests stay within.'),
});

const critical = z.strictObject({
  cpu: share().default(0.9).describe('CPU use of the workers, 1 being one core each.'),
  memory: share().default(0.9).describe('Memory in use of what the process or its heap may have, the tighter of the two.'),
  errors: share().default(0.5).describe('Share of requests answered 5xx.'),
  responseTime: duration({ min: '1ms' }).prefault('5s').describe('Time that 95 of 100 requests stay within.'),
});

export const healthSection = z.strictObject({
  name: z.string().min(1).default('spillway').describe('What the dashboard and alerts call the service.'),
  version: z
    .string()
    .min(1)
    .max(64)
    .optional()
    .describe("Your service's version, shown beside it; a new one is noted as a deploy. Absent: Spillway's own."),
  degraded: degraded.prefault({}).describe('Above any of these the service is degraded: work of low priority makes way.'),
  critical: critical.prefault({}).describe('Above any of these it is critical: only what matters most goes on.'),
  raiseAfter: duration({ max: '1h' }).prefault('2s').describe('How long a limit must be passed before the verdict gets worse.'),
  recoverAfter: duration({ max: '1h' })
    .prefault('15s')
    .describe('How long all must be a tenth below its limit before the verdict gets better.'),
});

/** The limits of the verdict, resolved: times in ms. */
export type HealthPolicy = z.output<typeof healthSection>;
