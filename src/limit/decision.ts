import type { CountGroup, RefundEntry } from '../ports/index.ts';

/** Where one limit stands after a decision. Times in ms from the decision. */
export interface LimitState {
  /** Name of the limit. */
  readonly policy: string;
  readonly limit: number;
  readonly windowMs: number;
  /** Units still free. */
  readonly remaining: number;
  /** When nothing counts against the key any more. */
  readonly resetMs: number;
  /** When the same request can succeed; 0 where this limit allows it, Infinity where it never can (cost above the limit). */
  readonly retryAfterMs: number;
}

/**
 * Why a decision is what it is. `quota`: the limits decided. `allowListed` and `denied`: a list did. `exempt`: no limit
 * applies to the subject. `shadow`: refused, but let through because the limiter only watches. `storeFailed`: the shared
 * store did not answer in time, so this process decided alone. `delayQueueFull`: too many requests are being slowed down.
 */
export type DecisionReason = 'quota' | 'allowListed' | 'denied' | 'exempt' | 'shadow' | 'storeFailed' | 'delayQueueFull';

/** The answer to "may it?". Its own figures are those of the limit that decides: the one closest to running out. */
export interface Decision extends LimitState {
  readonly allowed: boolean;
  readonly reason: DecisionReason;
  /** How long to hold the request back before it goes on (slow-down); 0: not at all. */
  delayMs: number;
  /** Every limit that was asked. */
  readonly states: readonly LimitState[];
  /** Names of the limits that refused. */
  readonly violated: readonly string[];
}

/** What was counted for one limit, for {@link Limiter.refund}. */
export interface Booking {
  readonly rule: number;
  readonly key: string;
  readonly limit: number;
  /** Units not given back yet. */
  cost: number;
  readonly receipt: number;
}

const NO_STATES: readonly LimitState[] = Object.freeze([]);
const NO_NAMES: readonly string[] = Object.freeze([]);

/** A decision about a single limit: it is its own only state, so that the common case makes one object. */
export class SingleDecision implements Decision {
  readonly allowed: boolean;
  readonly reason: DecisionReason;
  readonly policy: string;
  readonly limit: number;
  readonly windowMs: number;
  readonly remaining: number;
  readonly resetMs: number;
  readonly retryAfterMs: number;
  delayMs: number;
  readonly #key: string;
  readonly #booked: number;
  readonly #receipt: number;
  #bookings: readonly Booking[] | undefined;

  /** @param booked units counted; 0 where nothing was. */
  constructor(
    allowed: boolean,
    reason: DecisionReason,
    policy: string,
    limit: number,
    windowMs: number,
    remaining: number,
    resetMs: number,
    retryAfterMs: number,
    delayMs: number,
    key: string,
    booked: number,
    receipt: number,
  ) {
    this.allowed = allowed;
    this.reason = reason;
    this.policy = policy;
    this.limit = limit;
    this.windowMs = windowMs;
    this.remaining = remaining;
    this.resetMs = resetMs;
    this.retryAfterMs = retryAfterMs;
    this.delayMs = delayMs;
    this.#key = key;
    this.#booked = booked;
    this.#receipt = receipt;
  }

  get states(): readonly LimitState[] {
    return this.policy === '' ? NO_STATES : [this];
  }

  get violated(): readonly string[] {
    return this.retryAfterMs > 0 && this.policy !== '' ? [this.policy] : NO_NAMES;
  }

  get bookings(): readonly Booking[] {
    return (this.#bookings ??=
      this.#booked === 0 ? [] : [{ rule: 0, key: this.#key, limit: this.limit, cost: this.#booked, receipt: this.#receipt }]);
  }
}

/** A decision about several limits at once. */
export class JointDecision implements Decision {
  readonly allowed: boolean;
  readonly reason: DecisionReason;
  readonly policy: string;
  readonly limit: number;
  readonly windowMs: number;
  readonly remaining: number;
  readonly resetMs: number;
  readonly retryAfterMs: number;
  delayMs: number;
  readonly states: readonly LimitState[];
  readonly bookings: readonly Booking[];

  constructor(
    allowed: boolean,
    reason: DecisionReason,
    states: readonly LimitState[],
    delayMs: number,
    bookings: readonly Booking[],
  ) {
    const decider = deciderOf(states);
    this.allowed = allowed;
    this.reason = reason;
    this.policy = decider.policy;
    this.limit = decider.limit;
    this.windowMs = decider.windowMs;
    this.remaining = decider.remaining;
    this.resetMs = decider.resetMs;
    this.retryAfterMs = decider.retryAfterMs;
    this.delayMs = delayMs;
    this.states = states;
    this.bookings = bookings;
  }

  get violated(): readonly string[] {
    return this.states.filter((state) => state.retryAfterMs > 0).map((state) => state.policy);
  }
}

/** The limit that refuses longest, or the one with the smallest share left. */
function deciderOf(states: readonly LimitState[]): LimitState {
  let decider = states[0]!;
  for (const state of states) {
    if (state.retryAfterMs > decider.retryAfterMs) decider = state;
    else if (state.retryAfterMs === decider.retryAfterMs && state.remaining / state.limit < decider.remaining / decider.limit)
      decider = state;
  }
  return decider;
}

/** A decision of the shared store, with what it counted where. */
export class SharedDecision extends JointDecision {
  readonly #groups: readonly CountGroup[];
  readonly #receipts: readonly number[];
  #booked: number;
  /** Units the store counted for this decision: all of a lease for the one that asked for it, none for those that use it up. */
  readonly counted: number;
  /** Of the units that count in the store, those that its lease still holds; they are not in the states. */
  readonly held: number;

  constructor(
    allowed: boolean,
    reason: DecisionReason,
    states: readonly LimitState[],
    groups: readonly CountGroup[],
    receipts: readonly number[],
    booked: number,
    counted = booked,
    held = 0,
  ) {
    super(allowed, reason, states, 0, []);
    this.#groups = groups;
    this.#receipts = receipts;
    this.#booked = booked;
    this.counted = counted;
    this.held = held;
  }

  /** Up to `cost` units of what was counted and not taken back before. */
  takeBack(cost: number): RefundEntry[] {
    const back = Math.min(cost, this.#booked);
    this.#booked -= back;
    if (back === 0) return [];
    let at = 0;
    return this.#groups.map((group) => ({ group, receipts: this.#receipts.slice(at, (at += group.limits.length)), cost: back }));
  }
}

/** A decision that no limit had a part in. */
export function decidedWithoutLimits(allowed: boolean, reason: DecisionReason, retryAfterMs = 0): SingleDecision {
  return new SingleDecision(allowed, reason, '', 0, 0, 0, 0, retryAfterMs, 0, '', 0, 0);
}
