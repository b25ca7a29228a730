import type { Counter, Metrics, Timing } from '../kernel/index.ts';
import type { MissReason, Tier } from './events.ts';
import type { StoreGuard } from './store-guard.ts';

const MISS_REASONS: readonly MissReason[] = ['absent', 'expired', 'evicted', 'invalidated', 'unproven'];

export interface CacheStatistics {
  readonly hits: { readonly memory: number; readonly store: number; readonly stale: number };
  readonly misses: Readonly<Record<MissReason, number>>;
  /** Share of reads that were hits, in memory or in all; NaN before the first read. */
  readonly hitRatio: { readonly memory: number; readonly combined: number };
  readonly loads: {
    readonly count: number;
    readonly failed: number;
    readonly overtaken: number;
    readonly p50Ms: number;
    readonly p95Ms: number;
  };
  readonly memory: { readonly entries: number; readonly bytes: number; readonly evictions: number };
  readonly tags: number;
  /** `owed`: invalidations the shared store has still to hear of; those that were awaited are acknowledged when it is 0. */
  readonly store: { readonly available: boolean; readonly owed: number; readonly failed: number } | undefined;
  /** Reads that would have broken `maxStaleness`; 0 unless there is a bug. */
  readonly violations: number;
}

/** The counters of one cache, bound once. */
export class Statistics {
  readonly memoryHits: Counter;
  readonly storeHits: Counter;
  readonly staleHits: Counter;
  readonly misses: Readonly<Record<MissReason, Counter>>;
  readonly loads: Timing;
  readonly failures: Counter;
  readonly overtaken: Counter;
  readonly evictions: Counter;
  readonly gaps: Counter;
  readonly storeErrors: Counter;
  readonly violations: Counter;

  constructor(metrics: Metrics, cache: string) {
    const counter = (name: string, help: string, labels: Record<string, string> = {}): Counter =>
      metrics
        .counter({ name: `spillway_cache_${name}`, help, labels: ['cache', ...Object.keys(labels)] })
        .series({ cache, ...labels });
    const hits = (tier: Tier): Counter => counter('hits', 'Reads answered from a tier.', { tier });
    this.memoryHits = hits('memory');
    this.storeHits = hits('store');
    this.staleHits = counter('stale_hits', 'Reads answered with a stale value; counted as hits too.');
    this.misses = Object.fromEntries(
      MISS_REASONS.map((reason) => [reason, counter('misses', 'Reads that found nothing usable.', { reason })]),
    ) as Record<MissReason, Counter>;
    this.loads = metrics
      .timing({ name: 'spillway_cache_load_seconds', unit: 'seconds', help: 'Time loaders took.', labels: ['cache'] })
      .series({ cache });
    this.failures = counter('load_failures', 'Loaders that threw or timed out.');
    this.overtaken = counter('overtaken', 'Values not stored because an invalidation came while they were loaded.');
    this.evictions = counter('evictions', 'Entries that left memory to make room.');
    this.gaps = counter('gaps', 'Times that messages of other processes may have been missed.');
    this.storeErrors = counter('store_errors', 'Calls of the shared store that failed or took too long.');
    this.violations = counter(
      'staleness_violations',
      'Reads served although their value could not be proven current; must be 0.',
    );
  }

  snapshot(memory: { entries: number; bytes: number }, tags: number, store: StoreGuard | undefined): CacheStatistics {
    const misses = Object.fromEntries(MISS_REASONS.map((reason) => [reason, this.misses[reason].value])) as Record<
      MissReason,
      number
    >;
    const missed = Object.values(misses).reduce((sum, value) => sum + value, 0);
    const hits = { memory: this.memoryHits.value, store: this.storeHits.value, stale: this.staleHits.value };
    const reads = hits.memory + hits.store + missed;
    return {
      hits,
      misses,
      hitRatio: { memory: hits.memory / reads, combined: (hits.memory + hits.store) / reads },
      loads: {
        count: this.loads.count,
        failed: this.failures.value,
        overtaken: this.overtaken.value,
        p50Ms: this.loads.quantile(0.5),
        p95Ms: this.loads.quantile(0.95),
      },
      memory: { ...memory, evictions: this.evictions.value },
      tags,
      store: store && { available: store.available, owed: store.owed, failed: store.failed },
      violations: this.violations.value,
    };
  }
}
