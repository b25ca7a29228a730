import type { RegenerationResult } from './regeneration-queue.ts';
import type { RegenerationReason } from './schedule.ts';

/** What the page room reports. */
export interface PageEvents {
  /** A page was stored for the first time or anew. */
  stored: { readonly url: string; readonly route: string; readonly bytes: number; readonly renderMs: number };
  /** Fetching a page failed; `servedStale` when clients got the last good one. */
  fillFailed: { readonly url: string; readonly route: string; readonly error: unknown; readonly servedStale: boolean };
  /** One attempt to make a page again without anybody waiting. */
  regenerated: {
    readonly url: string;
    readonly reason: RegenerationReason;
    readonly result: RegenerationResult;
    readonly tookMs: number;
  };
  /** Every attempt failed; the last good page stays. */
  regenerationGivenUp: { readonly url: string; readonly reason: RegenerationReason; readonly attempts: number };
  /** More pages wait than the alert allows, and: no longer. */
  queueLong: { readonly waiting: number };
  queueShort: { readonly waiting: number };
  invalidated: {
    readonly tags: readonly string[];
    readonly paths: readonly string[];
    readonly all: boolean;
    readonly soft: boolean;
  };
}
