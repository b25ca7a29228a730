export type { ChangeEffect, ChangeReceipt, ChangeReport } from './changes.ts';
export type { PageEvents } from './events.ts';
export type { Profile } from './freshness.ts';
export type { InvalidationLayer, InvalidationReceipt, InvalidationRequest, LayerReceipt } from './invalidation.ts';
export { type PageOptions, pageOptionsSchema } from './options.ts';
export { createPages, type PageRuntime, type Pages, type PageStats } from './page.ts';
export { pageCodec, type PageEntry } from './stored-page.ts';
