import { z } from 'zod';
import { duration } from '../kernel/index.ts';
import { alertsSection, healthSection, historySection, sloSection } from '../policy/index.ts';

/** Options of `createHealth`. */
export const healthOptions = z.strictObject({
  every: duration({ min: '100ms', max: '1m' }).prefault('1s').describe('How often the workers are asked what they counted.'),
  service: z
    .strictObject({
      name: z.string().min(1).default('spillway').describe('What the dashboard and alerts call the service.'),
      version: z.string().default('').describe('Shown beside it; a new one is noted as a deploy.'),
    })
    .prefault({})
    .describe('What is being watched.'),
  status: healthSection.omit({ name: true, version: true }).prefault({}).describe('The limits of degraded and critical.'),
  history: historySection.prefault({}).describe('What is kept through time, and where.'),
  slo: sloSection.prefault({}).describe('What the service promises.'),
  alerts: alertsSection.prefault({}).describe('What is worth attention, and who is told.'),
});

/** What users pass. */
export type HealthOptions = z.input<typeof healthOptions>;
/** Resolved: times in ms. */
export type HealthSettings = z.output<typeof healthOptions>;
