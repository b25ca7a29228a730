import type { EntryOptions } from './types.ts';

/** Times for every key that starts with a prefix. */
export interface TtlRule extends Pick<EntryOptions, 'ttl' | 'grace' | 'staleIfError' | 'memoryTtl'> {
  /** What the key starts with, namespaces included: `user:`. */
  readonly prefix: string;
}

/** Times by how much a value deserves: in the shared store, and in each process's memory. */
export const CLASS_TIMES = {
  critical: { ttl: '2h', memoryTtl: '5m' },
  high: { ttl: '1h', memoryTtl: '3m' },
  normal: { ttl: '30m', memoryTtl: '1m' },
  low: { ttl: '15m', memoryTtl: '1m' },
} as const satisfies Record<string, EntryOptions>;

/** Rules for the kinds of content most services have, to start from. */
export const CONTENT_RULES: readonly TtlRule[] = [
  { prefix: 'content:', ...CLASS_TIMES.high },
  { prefix: 'user:', ttl: '5m', memoryTtl: '1m' },
  { prefix: 'profile:', ttl: '1h', memoryTtl: '5m' },
  { prefix: 'analytics:', ttl: '30m', memoryTtl: '5m' },
  { prefix: 'tasks:active:', ttl: '15m', memoryTtl: '1m' },
];

/** A rule's times in ms. */
export interface RuleTimes {
  readonly prefix: string;
  readonly ttl?: number | undefined;
  readonly grace?: number | undefined;
  readonly staleIfError?: number | undefined;
  readonly memoryTtl?: number | undefined;
}

/** Finds the rule with the longest prefix of a key, in as many steps as there are different prefix lengths. */
export class TtlRules {
  readonly #byPrefix: ReadonlyMap<string, RuleTimes>;
  /** Longest first. */
  readonly #lengths: readonly number[];

  constructor(rules: readonly RuleTimes[]) {
    this.#byPrefix = new Map(rules.map((rule) => [rule.prefix, rule]));
    this.#lengths = [...new Set(rules.map((rule) => rule.prefix.length))].toSorted((a, b) => b - a);
  }

  get all(): readonly RuleTimes[] {
    return [...this.#byPrefix.values()];
  }

  of(key: string): RuleTimes | undefined {
    for (const length of this.#lengths) {
      const rule = this.#byPrefix.get(key.slice(0, length));
      if (rule) return rule;
    }
    return undefined;
  }
}
