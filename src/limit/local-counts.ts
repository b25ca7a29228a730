import type { Clock } from '../kernel/index.ts';
import type { Counting } from './counting.ts';
import { JointDecision, SingleDecision, type Booking, type DecisionReason, type LimitState } from './decision.ts';
import type { GroupKeys, KeyGroup } from './key-groups.ts';
import { KeyTable, type SlotContents } from './key-table.ts';
import { QuotaPeriods } from './quota.ts';
import { limitFor, type Rule } from './rule.ts';
import { SlidingWindows } from './sliding.ts';
import { SmoothRates } from './smooth.ts';

/** Counts of several limits in this process. A decision is synchronous, and books for all limits or for none. */
export class LocalCounts {
  readonly #rules: readonly Rule[];
  readonly #counts: readonly Counting[];
  readonly #groups: readonly GroupCounts[];
  readonly #groupOfRule: readonly GroupCounts[];

  /** @param highestMultiplier by how much a tier can raise a limit, at most. */
  constructor(rules: readonly Rule[], groups: readonly KeyGroup[], maxKeys: number, highestMultiplier: number, clock: Clock) {
    this.#rules = rules;
    this.#counts = rules.map((rule) => countingOf(rule, highestMultiplier, clock));
    this.#groups = groups.map(({ members }) => new GroupCounts(members, this.#counts, maxKeys));
    this.#groupOfRule = rules.map((_, i) => this.#groups.find((group) => group.members.includes(i))!);
  }

  /** Decides for the first rule alone, which is all there is in a limiter with one limit. */
  decideOne(key: string, multiplier: number, cost: number, nowMs: number, shadow: boolean): SingleDecision {
    const rule = this.#rules[0]!;
    const counting = this.#counts[0]!;
    const group = this.#groups[0]!;
    const limit = limitFor(rule, multiplier);
    const slot = group.table.find(key);
    const fits = counting.look(slot, cost, limit, nowMs);
    const booked = fits ? cost : 0;
    if (booked > 0 && slot < 0) group.open(key);
    const receipt = booked > 0 ? counting.book(booked) : 0;
    return new SingleDecision(
      fits || shadow,
      fits || !shadow ? 'quota' : 'shadow',
      rule.name,
      limit,
      rule.windowMs,
      Math.max(0, limit - counting.used),
      counting.resetMs(),
      fits ? 0 : counting.retryAfterMs(cost, limit),
      0,
      key,
      booked,
      receipt,
    );
  }

  /** Decides for all groups that have a key; there is at least one. */
  decide(
    keys: GroupKeys,
    multiplier: number,
    cost: number,
    nowMs: number,
    shadow: boolean,
    reason: DecisionReason = 'quota',
  ): JointDecision {
    const fits = this.#look(keys, multiplier, cost, nowMs);
    const books = fits && cost > 0;
    const states: LimitState[] = [];
    const bookings: Booking[] = [];
    for (let i = 0; i < this.#rules.length; i++) {
      const group = this.#groupOfRule[i]!;
      if (group.key === undefined) continue;
      const rule = this.#rules[i]!;
      const counting = this.#counts[i]!;
      const limit = limitFor(rule, multiplier);
      const retryAfterMs = fits ? 0 : counting.retryAfterMs(cost, limit);
      if (books) {
        if (group.slot < 0) group.open(group.key);
        bookings.push({ rule: i, key: group.key, limit, cost, receipt: counting.book(cost) });
      }
      states.push({
        policy: rule.name,
        limit,
        windowMs: rule.windowMs,
        remaining: Math.max(0, limit - counting.used),
        resetMs: counting.resetMs(),
        retryAfterMs,
      });
    }
    return new JointDecision(fits || shadow, fits || !shadow ? reason : 'shadow', states, 0, bookings);
  }

  /** Gives back up to `cost` of what was booked and not given back before. */
  refund(bookings: readonly Booking[], cost: number, nowMs: number): void {
    for (const booking of bookings) {
      const back = Math.min(cost, booking.cost);
      booking.cost -= back;
      const slot = this.#groupOfRule[booking.rule]!.table.find(booking.key);
      if (slot >= 0) this.#counts[booking.rule]!.refund(slot, back, booking.limit, booking.receipt, nowMs);
    }
  }

  /** Counts `cost` units, as far as the limits reach, whatever was decided. */
  charge(keys: GroupKeys, multiplier: number, cost: number, nowMs: number): void {
    this.#look(keys, multiplier, cost, nowMs);
    this.#rules.forEach((rule, i) => {
      const group = this.#groupOfRule[i]!;
      const counting = this.#counts[i]!;
      const units = Math.min(cost, limitFor(rule, multiplier) - counting.used);
      if (group.key === undefined || units <= 0) return;
      if (group.slot < 0) group.open(group.key);
      counting.book(units);
    });
  }

  /** Gives back `cost` units of each key without a receipt. */
  refundKeys(keys: GroupKeys, multiplier: number, cost: number, nowMs: number): void {
    this.#look(keys, multiplier, 0, nowMs);
    this.#rules.forEach((rule, i) => {
      const { slot } = this.#groupOfRule[i]!;
      if (slot >= 0) this.#counts[i]!.refund(slot, cost, limitFor(rule, multiplier), undefined, nowMs);
    });
  }

  reset(keys: GroupKeys): void {
    keys.forEach((key, g) => key !== undefined && this.#groups[g]!.table.delete(key));
  }

  get keys(): number {
    return this.#groups.reduce((sum, { table }) => sum + table.size, 0);
  }

  get forgotten(): number {
    return this.#groups.reduce((sum, { table }) => sum + table.forgotten, 0);
  }

  /** Looks at every group that has a key; whether `cost` fits under all its limits. */
  #look(keys: GroupKeys, multiplier: number, cost: number, nowMs: number): boolean {
    let fits = true;
    for (let g = 0; g < keys.length; g++) {
      const group = this.#groups[g]!;
      const key = (group.key = keys[g]);
      const slot = (group.slot = key === undefined ? -1 : group.table.find(key));
      if (key === undefined) continue;
      for (const i of group.members) {
        if (!this.#counts[i]!.look(slot, cost, limitFor(this.#rules[i]!, multiplier), nowMs)) fits = false;
      }
    }
    return fits;
  }
}

/** What the limits of one group count, under one table of keys. */
class GroupCounts implements SlotContents {
  readonly members: readonly number[];
  readonly table: KeyTable;
  readonly #counts: readonly Counting[];
  /** The key last looked at, and its slot or -1. */
  key: string | undefined;
  slot = -1;

  constructor(members: readonly number[], counts: readonly Counting[], maxKeys: number) {
    this.members = members;
    this.#counts = members.map((i) => counts[i]!);
    this.table = new KeyTable(this, maxKeys);
  }

  /** Gives the key last looked at a slot. */
  open(key: string): void {
    this.slot = this.table.add(key);
    for (const counting of this.#counts) counting.open(this.slot);
  }

  idle(slot: number): boolean {
    return this.#counts.every((counting) => counting.idle(slot));
  }

  usedShare(slot: number): number {
    return Math.max(...this.#counts.map((counting) => counting.usedShare(slot)));
  }

  grow(capacity: number): void {
    for (const counting of this.#counts) counting.grow(capacity);
  }

  clear(slot: number): void {
    for (const counting of this.#counts) counting.clear(slot);
  }
}

function countingOf(rule: Rule, highestMultiplier: number, clock: Clock): Counting {
  if (rule.calendar) return new QuotaPeriods(rule.calendar, rule.limit, clock);
  if (rule.algorithm === 'smooth') return new SmoothRates(rule.windowMs, rule.limit, rule.burst);
  return new SlidingWindows(rule.windowMs, rule.buckets, rule.limit, limitFor(rule, highestMultiplier));
}
