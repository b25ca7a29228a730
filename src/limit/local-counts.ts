import type { Clock } from '../kernel/index.ts';
import type { Counting } from './counting.ts';
import { JointDecision, SingleDecision, type Booking, type DecisionReason, type LimitState } from './decision.ts';
import { QuotaPeriods } from './quota.ts';
import { limitFor, type Rule } from './rule.ts';
import { SlidingWindows } from './sliding.ts';
import { SmoothRates } from './smooth.ts';

/** The keys of one subject, one per rule; undefined where a rule does not apply to it. */
export type RuleKeys = readonly (string | undefined)[];

/** Counts of several limits in this process. A decision is synchronous, and books for all limits or for none. */
export class LocalCounts {
  readonly #rules: readonly Rule[];
  readonly #counts: readonly Counting[];

  /** @param highestMultiplier by how much a tier can raise a limit, at most. */
  constructor(rules: readonly Rule[], maxKeys: number, highestMultiplier: number, clock: Clock) {
    this.#rules = rules;
    this.#counts = rules.map((rule) => countingOf(rule, maxKeys, highestMultiplier, clock));
  }

  /** Decides for the first rule alone, which is all there is in a limiter with one limit. */
  decideOne(key: string, multiplier: number, cost: number, nowMs: number, shadow: boolean): SingleDecision {
    const rule = this.#rules[0]!;
    const counting = this.#counts[0]!;
    const limit = limitFor(rule, multiplier);
    const fits = counting.look(key, cost, limit, nowMs);
    const booked = fits ? cost : 0;
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

  /** Decides for all rules that have a key; there is at least one. */
  decide(
    keys: RuleKeys,
    multiplier: number,
    cost: number,
    nowMs: number,
    shadow: boolean,
    reason: DecisionReason = 'quota',
  ): JointDecision {
    let fits = true;
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i];
      if (key !== undefined && !this.#counts[i]!.look(key, cost, limitFor(this.#rules[i]!, multiplier), nowMs)) fits = false;
    }
    const states: LimitState[] = [];
    const bookings: Booking[] = [];
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i];
      if (key === undefined) continue;
      const rule = this.#rules[i]!;
      const counting = this.#counts[i]!;
      const limit = limitFor(rule, multiplier);
      const retryAfterMs = fits ? 0 : counting.retryAfterMs(cost, limit);
      if (fits && cost > 0) bookings.push({ rule: i, key, limit, cost, receipt: counting.book(cost) });
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
      this.#counts[booking.rule]!.refund(booking.key, back, booking.limit, booking.receipt, nowMs);
    }
  }

  /** Counts `cost` units, as far as the limits reach, whatever was decided. */
  charge(keys: RuleKeys, multiplier: number, cost: number, nowMs: number): void {
    keys.forEach((key, i) => {
      if (key === undefined) return;
      const counting = this.#counts[i]!;
      const limit = limitFor(this.#rules[i]!, multiplier);
      counting.look(key, cost, limit, nowMs);
      const units = Math.min(cost, limit - counting.used);
      if (units > 0) counting.book(units);
    });
  }

  /** Gives back `cost` units of a key without a receipt. */
  refundKeys(keys: RuleKeys, multiplier: number, cost: number, nowMs: number): void {
    keys.forEach((key, i) => {
      if (key !== undefined) this.#counts[i]!.refund(key, cost, limitFor(this.#rules[i]!, multiplier), undefined, nowMs);
    });
  }

  reset(keys: RuleKeys): void {
    keys.forEach((key, i) => key !== undefined && this.#counts[i]!.reset(key));
  }

  get keys(): number {
    return this.#counts.reduce((sum, counting) => sum + counting.keys, 0);
  }

  get forgotten(): number {
    return this.#counts.reduce((sum, counting) => sum + counting.forgotten, 0);
  }
}

function countingOf(rule: Rule, maxKeys: number, highestMultiplier: number, clock: Clock): Counting {
  if (rule.calendar) return new QuotaPeriods(rule.calendar, clock, maxKeys);
  if (rule.algorithm === 'smooth') return new SmoothRates(rule.windowMs, rule.limit, rule.burst, maxKeys);
  return new SlidingWindows(rule.windowMs, rule.buckets, limitFor(rule, highestMultiplier), maxKeys);
}
