import type { Clock, Runtime } from '../kernel/index.ts';
import type { CounterStore, CountGroup, StoredLimit, StoredState, TakeAnswer } from '../ports/index.ts';
import { Debts } from './debts.ts';
import { decidedWithoutLimits, SharedDecision, type Booking, type Decision, type LimitState } from './decision.ts';
import { Leases, type Lease } from './leases.ts';
import type { GroupKeys, KeyGroup } from './key-groups.ts';
import type { LocalCounts } from './local-counts.ts';
import { RefusalCache } from './refusal-cache.ts';
import { limitFor, type Rule } from './rule.ts';
import { StoreGuard } from './store-guard.ts';

export interface StoreSettings {
  readonly store: CounterStore;
  readonly onStoreFailure: 'local' | 'open' | 'closed';
  readonly storeDeadline: number;
  readonly leases: boolean;
  readonly leaseAbove: number;
  readonly instances?: number | undefined;
  readonly shadow: boolean;
}

/** What a closed limiter tells those it cannot decide about to wait. */
const CLOSED_RETRY_MS = 1000;
/** Whoever waited for a lease and still got none asks again; after so many times by itself. */
const LEASE_ATTEMPTS = 3;
/** Units of a process that dies are lost for the window or period, so it should not hold many. */
const LONGEST_LEASE_MS = 5000;

/**
 * Decisions by a store that all processes share. In order: a refusal that still holds, a unit leased before, the store,
 * and this process's own share of the limit while the store is away.
 */
export class SharedCounts {
  readonly guard: StoreGuard;
  readonly #rules: readonly Rule[];
  readonly #keyGroups: readonly KeyGroup[];
  readonly #settings: StoreSettings;
  readonly #store: CounterStore;
  readonly #clock: Clock;
  /** What this process itself has let through, also while the store decides: its share counts from there. */
  readonly #own: LocalCounts;
  /** Per group of keys, by the multiplier of the subject's tier. */
  readonly #shapes: readonly Map<number, Shape>[];
  readonly #debts = new Debts();
  readonly #refusals = new RefusalCache();
  readonly #leases: Leases | undefined;
  readonly #leaseMs: number;
  readonly #isCalendar: boolean;
  readonly #scope: string;

  /** @param scope limiters with the same scope share their counts. */
  constructor(
    scope: string,
    rules: readonly Rule[],
    keyGroups: readonly KeyGroup[],
    settings: StoreSettings,
    own: LocalCounts,
    runtime: Runtime,
  ) {
    this.#scope = scope;
    this.#rules = rules;
    this.#keyGroups = keyGroups;
    this.#shapes = keyGroups.map(() => new Map());
    this.#settings = settings;
    this.#store = settings.store;
    this.#clock = runtime.clock;
    this.#own = own;
    this.#isCalendar = rules.some((rule) => rule.calendar !== undefined);
    // A sliding window books a lease's units where they may be used last, and a quota within its period. The theoretical
    // arrival time of a smooth limit has no such place: a window could hold more than it promises.
    const canLease = settings.leases && rules.every((rule) => rule.algorithm !== 'smooth');
    this.#leases = canLease ? new Leases(settings.leaseAbove) : undefined;
    this.#leaseMs = Math.floor(Math.min(LONGEST_LEASE_MS, ...rules.map((rule) => rule.windowMs / rule.buckets)));
    this.guard = new StoreGuard(
      () => this.#store.ping(),
      () => this.#debts.settle(this.#store, this.#clock.monotonic()),
      settings.storeDeadline,
      runtime,
    );
  }

  decide(keys: GroupKeys, multiplier: number, cost: number): Decision | Promise<Decision> {
    const nowMs = this.#clock.monotonic();
    const groups = this.#groupsOf(keys, multiplier);
    for (const group of groups) {
      const refusal = cost > 0 ? this.#refusals.find(group.key, group.limits, cost, nowMs) : undefined;
      if (refusal) return this.#decisionOf([group], aged(refusal.states, nowMs - refusal.decidedMs), 0, cost, undefined);
    }
    if (this.#leases && groups.length === 1 && cost > 0) {
      const leased = this.#decideByLease(this.#leases, groups[0]!, keys, multiplier, cost, nowMs, 0);
      if (leased) return leased;
    }
    if (this.guard.isDown) return this.#decideAlone(groups, keys, multiplier, cost);
    return this.#askStore(groups, keys, multiplier, cost);
  }

  /** An allowing decision, where this process holds leased units to make it with; otherwise undefined, and nothing counted. */
  decideByLeaseNow(keys: GroupKeys, multiplier: number, cost: number): Decision | undefined {
    if (!this.#leases) return undefined;
    const groups = this.#groupsOf(keys, multiplier);
    if (groups.length !== 1) return undefined;
    const nowMs = this.#clock.monotonic();
    const lease = this.#leases.take(groups[0]!.key, cost, nowMs);
    if (!lease) return undefined;
    this.#leases.rateOf(groups[0]!.key, cost, nowMs);
    return this.#leasedDecision(lease, groups[0]!, keys, multiplier, cost, nowMs, 0);
  }

  async refund(decision: SharedDecision, cost: number): Promise<void> {
    const entries = decision.takeBack(cost);
    for (const { group } of entries) this.#refusals.delete(group.key);
    if (entries.length > 0) await this.#quietly(this.#store.refund(entries));
  }

  /** Gives back what this process had let through by itself. */
  refundAlone(bookings: readonly Booking[], cost: number): void {
    const keys = this.#keyGroups.map(({ members }) => bookings.find((booking) => members.includes(booking.rule))?.key);
    const back = Math.min(cost, bookings[0]?.cost ?? 0);
    this.#own.refund(bookings, cost, this.#clock.monotonic());
    this.#debts.reduce(this.#groupsOf(keys, 1), back);
  }

  async refundKeys(keys: GroupKeys, multiplier: number, cost: number): Promise<void> {
    const groups = this.#groupsOf(keys, multiplier);
    for (const { key } of groups) this.#refusals.delete(key);
    this.#debts.reduce(groups, this.guard.isDown ? cost : 0);
    await this.#quietly(this.#store.refund(groups.map((group) => ({ group, receipts: undefined, cost }))));
  }

  /** Counts `cost` units as far as the limits reach. */
  async charge(keys: GroupKeys, multiplier: number, cost: number): Promise<void> {
    const groups = this.#groupsOf(keys, multiplier);
    this.#own.charge(keys, multiplier, cost, this.#clock.monotonic());
    await this.#quietly(this.#store.take({ groups, cost, atLeast: 0, leaseMs: 0, force: true }));
  }

  async reset(keys: GroupKeys, multiplier: number): Promise<void> {
    const groups = this.#groupsOf(keys, multiplier);
    for (const { key } of groups) {
      this.#refusals.delete(key);
      this.#leases?.delete(key);
    }
    await this.#store.reset(groups.map((group) => group.key));
  }

  close(): void {
    this.guard.close();
  }

  async #askStore(groups: readonly RuleGroup[], keys: GroupKeys, multiplier: number, cost: number): Promise<Decision> {
    const askedMs = this.#clock.monotonic();
    let alone: Decision | undefined;
    const answer = await this.guard.call(() => this.#store.take({ groups, cost, atLeast: cost, leaseMs: 0, force: false }), {
      answered: (late) => this.#reconcile(groups, cost, late, alone?.allowed ?? false),
      failed: () => alone?.allowed && this.#debts.add(groups, cost, askedMs),
    });
    if (!answer) return (alone = this.#decideAlone(groups, keys, multiplier, cost, true));
    return this.#heed(groups, keys, multiplier, cost, answer, askedMs);
  }

  /** Takes an answer of the store in, and remembers refusals. */
  #heed(
    groups: readonly RuleGroup[],
    keys: GroupKeys,
    multiplier: number,
    cost: number,
    answer: TakeAnswer,
    askedMs: number,
  ): Decision {
    if (answer.allowed) {
      if (cost > 0 && this.#settings.onStoreFailure === 'local') this.#own.charge(keys, multiplier, cost, askedMs);
      return this.#decisionOf(groups, answer.states, cost, cost, groups);
    }
    let at = 0;
    for (const { key, limits } of groups) {
      const states = answer.states.slice(at, (at += limits.length));
      const retryAfterMs = Math.max(...states.map((state) => state.retryAfterMs));
      if (retryAfterMs > 0)
        this.#refusals.add(key, { untilMs: askedMs + retryAfterMs, cost, limits, states, decidedMs: askedMs });
    }
    return this.#decisionOf(groups, answer.states, 0, cost, undefined);
  }

  /**
   * The store answered after this process had decided alone. What it counted stands for what was let through; the rest
   * is evened out.
   */
  #reconcile(groups: readonly RuleGroup[], cost: number, late: TakeAnswer, letThrough: boolean): void {
    if (late.allowed === letThrough) return;
    if (letThrough) return void this.#quietly(this.#store.take({ groups, cost, atLeast: 0, leaseMs: 0, force: true }));
    let at = 0;
    const entries = groups.map((group) => ({
      group,
      receipts: late.states.slice(at, (at += group.limits.length)).map((state) => state.receipt),
      cost: late.granted,
    }));
    void this.#quietly(this.#store.refund(entries));
  }

  /** @param asked whether the store was asked and may still count what is decided here. */
  #decideAlone(groups: readonly RuleGroup[], keys: GroupKeys, multiplier: number, cost: number, asked = false): Decision {
    const { onStoreFailure, shadow } = this.#settings;
    if (onStoreFailure === 'open') return decidedWithoutLimits(true, 'storeFailed');
    if (onStoreFailure === 'closed') return decidedWithoutLimits(shadow, 'storeFailed', CLOSED_RETRY_MS);
    const share = multiplier / (this.#settings.instances ?? this.#store.instances);
    const nowMs = this.#clock.monotonic();
    const decision = this.#own.decide(keys, share, cost, nowMs, shadow, 'storeFailed');
    if (decision.allowed && cost > 0 && !asked) this.#debts.add(groups, cost, nowMs);
    return decision;
  }

  #decideByLease(
    leases: Leases,
    group: RuleGroup,
    keys: GroupKeys,
    multiplier: number,
    cost: number,
    nowMs: number,
    attempt: number,
  ): Decision | Promise<Decision> | undefined {
    const rate = attempt === 0 ? leases.rateOf(group.key, cost, nowMs) : Infinity;
    const lease = leases.take(group.key, cost, nowMs);
    if (lease) return this.#leasedDecision(lease, group, keys, multiplier, cost, nowMs, 0);
    if (rate === 0 || this.guard.isDown) return undefined;
    const asking = leases.asking(group.key);
    if (asking && attempt < LEASE_ATTEMPTS)
      return asking.then(() => this.#decideAgain(leases, group, keys, multiplier, cost, attempt + 1));
    if (asking || attempt > 0) return undefined;
    const wanted = this.#leaseSize(group, rate, cost);
    if (wanted <= cost) return undefined;
    const request = this.#askLease(leases, group, keys, multiplier, cost, wanted);
    leases.ask(group.key, request);
    return request;
  }

  async #decideAgain(
    leases: Leases,
    group: RuleGroup,
    keys: GroupKeys,
    multiplier: number,
    cost: number,
    attempt: number,
  ): Promise<Decision> {
    const nowMs = this.#clock.monotonic();
    const refusal = this.#refusals.find(group.key, group.limits, cost, nowMs);
    if (refusal) return this.#decisionOf([group], aged(refusal.states, nowMs - refusal.decidedMs), 0, cost, undefined);
    const leased = this.#decideByLease(leases, group, keys, multiplier, cost, nowMs, attempt);
    if (leased) return leased;
    if (this.guard.isDown) return this.#decideAlone([group], keys, multiplier, cost);
    return this.#askStore([group], keys, multiplier, cost);
  }

  /** Enough for the lease's time at the key's rate, and never so much that a few processes could hold the whole limit. */
  #leaseSize(group: RuleGroup, rate: number, cost: number): number {
    const instances = this.#settings.instances ?? this.#store.instances;
    const most = Math.floor(Math.min(...group.limits.map(({ limit }) => limit)) / (4 * instances));
    const wanted = Number.isFinite(rate) ? Math.ceil((rate * this.#leaseMs) / 1000) : most;
    return Math.max(cost, Math.min(most, wanted));
  }

  async #askLease(
    leases: Leases,
    group: RuleGroup,
    keys: GroupKeys,
    multiplier: number,
    cost: number,
    wanted: number,
  ): Promise<Decision> {
    const askedMs = this.#clock.monotonic();
    const groups = [group];
    const answer = await this.guard.call(
      () => this.#store.take({ groups, cost: wanted, atLeast: cost, leaseMs: this.#leaseMs, force: false }),
      {
        answered: (late) => this.#returnUnits(group, late.states, late.granted),
        failed: () => {},
      },
    );
    if (!answer) return this.#decideAlone(groups, keys, multiplier, cost);
    if (!answer.allowed) return this.#heed(groups, keys, multiplier, cost, answer, askedMs);
    const before = leases.removeEnded(group.key, Infinity);
    if (before) this.#returnUnits(before.group, before.states, before.tokens);
    // Units of a quota are of the period they were granted in, and gone with it.
    const lastsMs = Math.min(this.#leaseMs, ...answer.states.map((state) => state.resetMs));
    const lease: Lease = {
      group,
      tokens: answer.granted - cost,
      untilMs: askedMs + lastsMs,
      grantedMs: askedMs,
      states: answer.states,
    };
    leases.add(group.key, lease);
    this.#clock.setTimer(() => this.#endLease(leases, group.key), lastsMs + 1);
    return this.#leasedDecision(lease, group, keys, multiplier, cost, askedMs, answer.granted);
  }

  #endLease(leases: Leases, key: string): void {
    const ended = leases.removeEnded(key, this.#clock.monotonic());
    if (ended) this.#returnUnits(ended.group, ended.states, ended.tokens);
  }

  #returnUnits(group: CountGroup, states: readonly StoredState[], cost: number): void {
    if (cost > 0) void this.#quietly(this.#store.refund([{ group, receipts: states.map((state) => state.receipt), cost }]));
  }

  /** @param counted units that the store counted for this decision. */
  #leasedDecision(
    lease: Lease,
    group: RuleGroup,
    keys: GroupKeys,
    multiplier: number,
    cost: number,
    nowMs: number,
    counted: number,
  ): Decision {
    if (this.#settings.onStoreFailure === 'local') this.#own.charge(keys, multiplier, cost, nowMs);
    const { tokens } = lease;
    const states = aged(lease.states, nowMs - lease.grantedMs).map((state) => ({ ...state, used: state.used - tokens }));
    return this.#decisionOf([group], states, cost, cost, [group], counted, tokens);
  }

  #decisionOf(
    groups: readonly RuleGroup[],
    stored: readonly StoredState[],
    granted: number,
    cost: number,
    booked: readonly RuleGroup[] | undefined,
    counted?: number,
    held?: number,
  ): Decision {
    const states: LimitState[] = [];
    let at = 0;
    for (const group of groups) {
      group.limits.forEach((limit, i) => {
        const { used, resetMs, retryAfterMs } = stored[at++]!;
        const { name, windowMs } = group.rules[i]!;
        states.push({
          policy: name,
          limit: limit.limit,
          windowMs,
          remaining: Math.max(0, Math.floor(limit.limit - used)),
          resetMs,
          retryAfterMs,
        });
      });
    }
    const allowed = granted >= cost;
    const { shadow } = this.#settings;
    return new SharedDecision(
      allowed || shadow,
      !allowed && shadow ? 'shadow' : 'quota',
      states,
      booked ?? [],
      booked ? stored.map((state) => state.receipt) : [],
      granted,
      counted,
      held,
    );
  }

  /** Limits that go by the same part of the subject lie under one key, so that a decision about them is one step. */
  #groupsOf(keys: GroupKeys, multiplier: number): RuleGroup[] {
    const groups: RuleGroup[] = [];
    for (let g = 0; g < keys.length; g++) {
      const key = keys[g];
      if (key === undefined) continue;
      const { layout, limits, rules } = this.#shapeOf(g, multiplier);
      groups.push({ key: `${this.#scope}:${layout}:${key}`, limits, rules });
    }
    return groups;
  }

  #shapeOf(group: number, multiplier: number): Shape {
    const nowMs = this.#isCalendar ? this.#clock.now() : 0;
    const shapes = this.#shapes[group]!;
    const known = shapes.get(multiplier);
    if (known && nowMs < known.validUntilMs) return known;
    const rules = this.#keyGroups[group]!.members.map((i) => this.#rules[i]!);
    const limits = rules.map((rule): StoredLimit => {
      const limit = limitFor(rule, multiplier);
      const { algorithm, windowMs, buckets } = rule;
      const burst = Math.max(1, Math.round((rule.burst * limit) / rule.limit));
      return { algorithm, limit, windowMs, buckets, burst, periods: rule.calendar?.edgesAround(nowMs) ?? [] };
    });
    const validUntilMs = Math.min(...rules.map((rule) => rule.calendar?.periodAt(nowMs).endsMs ?? Infinity));
    // Two groups may count alike, and fall back to the same address: their keys must differ all the same.
    const layout = `${group === 0 ? '' : `${group}.`}${rules.map(layoutOf).join('+')}`;
    const shape = { layout, rules, limits, validUntilMs };
    shapes.set(multiplier, shape);
    return shape;
  }

  async #quietly(work: Promise<unknown>): Promise<void> {
    // Giving back and evening out are best effort: what fails here only makes limits stricter until the window is over.
    await work.catch(() => {});
  }
}

/** Limits that count under one key, with the rules they come from. */
interface RuleGroup extends CountGroup {
  readonly rules: readonly Rule[];
}

/** Rules that count under one key, as the store knows them. */
interface Shape {
  /** How counts lie in the store; part of the key, so that a changed config does not misread what it finds. */
  readonly layout: string;
  readonly rules: readonly Rule[];
  readonly limits: readonly StoredLimit[];
  /** Wall-clock ms: until the running calendar period ends. */
  readonly validUntilMs: number;
}

/** `s60000.20`: algorithm, window, buckets. A limit may change without forgetting what was counted. */
function layoutOf(rule: Rule): string {
  if (rule.algorithm === 'quota') return `q${rule.windowMs}`;
  return rule.algorithm === 'smooth' ? `g${rule.windowMs}` : `s${rule.windowMs}.${rule.buckets}`;
}

/** States as they were, `ms` later. */
function aged(states: readonly StoredState[], ms: number): StoredState[] {
  return states.map((state) => ({
    ...state,
    resetMs: Math.max(0, Math.ceil(state.resetMs - ms)),
    retryAfterMs: state.retryAfterMs === 0 ? 0 : Math.max(1, Math.ceil(state.retryAfterMs - ms)),
  }));
}
