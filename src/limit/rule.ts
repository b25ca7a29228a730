import { formatDuration } from '../kernel/index.ts';
import type { LimitPolicy } from '../policy/index.ts';
import type { ResolvedRule } from './options.ts';
import type { LimitBy } from './subject.ts';

/** One limit as the limiter works with it. */
export interface Rule {
  readonly name: string;
  readonly algorithm: 'sliding' | 'smooth';
  readonly limit: number;
  readonly windowMs: number;
  readonly burst: number;
  readonly buckets: number;
  readonly by: LimitBy;
  readonly ipv6Prefix: number;
}

const DEFAULT_BUCKETS = 20;

/** Rules from a limiter's options. */
export function rulesFromOptions(options: readonly ResolvedRule[]): Rule[] {
  return withUniqueNames(
    options.map((option) => ({
      name: option.name ?? nameOf(option.limit, option.window),
      algorithm: option.algorithm,
      limit: option.limit,
      windowMs: option.window,
      burst: option.burst ?? defaultBurst(option.limit),
      buckets: Math.min(option.buckets, option.window),
      by: option.by,
      ipv6Prefix: option.ipv6Prefix,
    })),
  );
}

/** Rules from the policy of a route. */
export function rulesFromPolicy(limits: readonly LimitPolicy[], ipv6Prefix: number): Rule[] {
  return withUniqueNames(
    limits.map((limit) => ({
      name: nameOf(limit.limit, limit.windowMs),
      algorithm: limit.algorithm,
      limit: limit.limit,
      windowMs: limit.windowMs,
      burst: limit.burst ?? defaultBurst(limit.limit),
      buckets: DEFAULT_BUCKETS,
      by: limit.by,
      ipv6Prefix,
    })),
  );
}

/** The limit of a subject whose tier multiplies it; never below 1. */
export function limitFor(rule: Rule, multiplier: number): number {
  return multiplier === 1 ? rule.limit : Math.max(1, Math.floor(rule.limit * multiplier));
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
