import type { Counter, Metrics, Timing } from '../kernel/index.ts';
import type { MissReason, Tier } from './events.ts';
import type { StoreGuard } from './store-guard.ts';
import type { RuleTimes, TtlRules } from './ttl-rules.ts';

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
  /** The same by TTL rule, under the rule's prefix. Keys that no rule is for are counted in the whole only. */
  readonly rules: Readonly<Record<string, RuleStatistics>>;
  /** Reads that would have broken `maxStaleness`; 0 unless there is a bug. */
  readonly violations: number;
}

/** Reads and loads of the keys of one TTL rule. */
export interface RuleStatistics {
  readonly hits: { readonly memory: number; readonly store: number };
  readonly misses: number;
  readonly hitRatio: number;
  readonly loads: { readonly count: number; readonly p50Ms: number; readonly p95Ms: number };
}

/** The counters of one TTL rule. */
export class RuleCounters {
  readonly hits: Readonly<Record<Tier, Counter>>;
  readonly misses: Counter;
  readonly loads: Timing;

  constructor(metrics: Metrics, cache: string, rule: string) {
    const labels = ['cache', 'rule'];
    const hits = metrics.counter({
      name: 'spillway_cache_rule_hits',
      help: 'Reads answered from a tier, by TTL rule.',
      labels: [...labels, 'tier'],
    });
    this.hits = { memory: hits.series({ cache, rule, tier: 'memory' }), store: hits.series({ cache, rule, tier: 'store' }) };
    this.misses = metrics
      .counter({ name: 'spillway_cache_rule_misses', help: 'Reads that found nothing usable, by TTL rule.', labels })
      .series({ cache, rule });
    this.loads = metrics
      .timing({ name: 'spillway_cache_rule_load_seconds', unit: 'seconds', help: 'Time loaders took, by TTL rule.', labels })
      .series({ cache, rule });
  }

  snapshot(): RuleStatistics {
    const hits = { memory: this.hits.memory.value, store: this.hits.store.value };
    const misses = this.misses.value;
    const found = hits.memory + hits.store;
    const loads = { count: this.loads.count, p50Ms: this.loads.quantile(0.5), p95Ms: this.loads.quantile(0.95) };
    return { hits, misses, hitRatio: found / (found + misses), loads };
  }
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

  readonly rules: TtlRules;
  readonly #byRule: ReadonlyMap<RuleTimes, RuleCounters>;

  constructor(metrics: Metrics, cache: string, rules: TtlRules) {
    this.rules = rules;
    this.#byRule = new Map(rules.all.map((rule) => [rule, new RuleCounters(metrics, cache, rule.prefix)]));
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

  hit(key: string, tier: Tier): void {
    (tier === 'memory' ? this.memoryHits : this.storeHits).inc();
    if (this.#byRule.size > 0) this.#of(key)?.hits[tier].inc();
  }

  miss(key: string, reason: MissReason): void {
    this.misses[reason].inc();
    this.#of(key)?.misses.inc();
  }

  loaded(key: string, loadMs: number): void {
    this.loads.observe(loadMs);
    this.#of(key)?.loads.observe(loadMs);
  }

  #of(key: string): RuleCounters | undefined {
    const rule = this.rules.of(key);
    return rule && this.#byRule.get(rule);
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
      rules: Object.fromEntries([...this.#byRule].map(([rule, counters]) => [rule.prefix, counters.snapshot()])),
      violations: this.violations.value,
    };
  }
}
