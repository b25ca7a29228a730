export type { ChangeEffect, ChangeReceipt, ChangeReport } from './changes.ts';
export type { PageEvents } from './events.ts';
export type { PageExplanation } from './explain.ts';
export type { Profile } from './freshness.ts';
export type { InvalidationLayer, InvalidationReceipt, InvalidationRequest, LayerReceipt } from './invalidation.ts';
export { pageOptionsSchema, pageSettings, type PageOptions, type PageSettings } from './options.ts';
export { createPages, pagesFrom, type PageAnalytics, type PageRuntime, type Pages, type PageStats } from './page.ts';
export type { RegenerationAnalytics, RegenerationRecord } from './regeneration-analytics.ts';
export type { QueueAnswer, RegenerationResult } from './regeneration-queue.ts';
export type { Pressure } from './regenerator.ts';
export type { RegenerationAdvice, RegenerationReason } from './schedule.ts';
export {
  simulateLog,
  type Alternative,
  type ClassOutcome,
  type SimulationOptions,
  type SimulationReport,
} from './simulate-log.ts';
export { pageCodec, type PageEntry } from './stored-page.ts';
export type { WarmingReport } from './warming.ts';
