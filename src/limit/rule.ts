import { formatDuration } from '../kernel/index.ts';
import type { LimitPolicy } from '../policy/index.ts';
import { Calendar } from './calendar.ts';
import type { ResolvedRule } from './options.ts';
import type { LimitBy } from './subject.ts';

/** One limit as the limiter works with it. */
export interface Rule {
  readonly name: string;
  readonly algorithm: 'sliding' | 'smooth' | 'quota';
  readonly limit: number;
  /** Of a quota: the length of an ordinary period. */
  readonly windowMs: number;
  readonly burst: number;
  readonly buckets: number;
  /** `quota` only. */
  readonly calendar: Calendar | undefined;
  readonly by: LimitBy;
  readonly ipv6Prefix: number;
}

/** How finely windows are cut unless said otherwise: units count for up to a twentieth of the window too long. */
const DEFAULT_BUCKETS = 20;
/** Leased units count for up to two buckets too long, so the buckets are finer. */
const LEASE_BUCKETS = 60;

/** Counts are kept in 32 bits. */
const HIGHEST_LIMIT = 2 ** 32 - 1;

const PERIOD_MS = { hour: 3_600_000, day: 86_400_000, week: 604_800_000, month: 2_592_000_000, year: 31_536_000_000 };

/** Rules from a limiter's options. */
export function rulesFromOptions(options: readonly ResolvedRule[], leases: boolean): Rule[] {
  return withUniqueNames(
    options.map((option) => {
      const { limit, algorithm, period, by, ipv6Prefix } = option;
      const windowMs = period === undefined ? option.window! : PERIOD_MS[period];
      return {
        name: option.name ?? (period === undefined ? nameOf(limit, windowMs) : `${limit}-per-${period}`),
        algorithm,
        limit,
        windowMs,
        burst: option.burst ?? defaultBurst(limit),
        buckets: Math.min(option.buckets ?? (leases ? LEASE_BUCKETS : DEFAULT_BUCKETS), windowMs),
        calendar: period === undefined ? undefined : new Calendar(period, option.timeZone),
        by,
        ipv6Prefix,
      };
    }),
  );
}

/** Rules from the policy of a route. */
export function rulesFromPolicy(limits: readonly LimitPolicy[], ipv6Prefix: number, leases: boolean): Rule[] {
  return withUniqueNames(
    limits.map(({ limit, windowMs, algorithm, burst, by }) => ({
      name: nameOf(limit, windowMs),
      algorithm,
      limit,
      windowMs,
      burst: burst ?? defaultBurst(limit),
      buckets: leases ? LEASE_BUCKETS : DEFAULT_BUCKETS,
      calendar: undefined,
      by,
      ipv6Prefix,
    })),
  );
}

/** The limit of a subject whose tier multiplies it; never below 1. */
export function limitFor(rule: Rule, multiplier: number): number {
  return multiplier === 1 ? rule.limit : Math.max(1, Math.min(HIGHEST_LIMIT, Math.floor(rule.limit * multiplier)));
}

function defaultBurst(limit: number): number {
  return Math.max(1, Math.ceil(limit / 10));
}

/** `100-per-1m` */
function nameOf(limit: number, windowMs: number): string {
  return `${limit}-per-${formatDuration(windowMs)}`;
}

/** Headers and metrics tell limits apart by name, so a second one of the same name gets a number. */
function withUniqueNames(rules: Rule[]): Rule[] {
  const seen = new Map<string, number>();
  return rules.map((rule) => {
    const times = (seen.get(rule.name) ?? 0) + 1;
    seen.set(rule.name, times);
    return times === 1 ? rule : { ...rule, name: `${rule.name}.${times}` };
  });
}
