import type { Rule } from './rule.ts';
import { bounded, keyOf, type LimitBy, type Subject } from './subject.ts';

/** Limits that go by the same part of a subject: they have one key for it, and are found by one look into one table. */
export interface KeyGroup {
  readonly by: LimitBy;
  readonly ipv6Prefix: number;
  /** Indices of the limits. */
  readonly members: readonly number[];
}

/** The keys of one subject, one per group; undefined where a group's limits do not apply to it. */
export type GroupKeys = readonly (string | undefined)[];

export function keyGroupsOf(rules: readonly Rule[]): KeyGroup[] {
  const groups: (KeyGroup & { readonly members: number[] })[] = [];
  for (const [i, { by, ipv6Prefix }] of rules.entries()) {
    const group = groups.find((one) => one.by === by && one.ipv6Prefix === ipv6Prefix);
    if (group) group.members.push(i);
    else groups.push({ by, ipv6Prefix, members: [i] });
  }
  return groups;
}

/** A string is taken as the key itself. */
export function keyFor(subject: Subject | string, { by, ipv6Prefix }: KeyGroup): string | undefined {
  return typeof subject === 'string' ? bounded(subject) : keyOf(subject, by, ipv6Prefix);
}
