import { Events, parseOptions, runtimeFrom, type Clock, type Counter, type Runtime } from '../kernel/index.ts';
import type { CounterStore } from '../ports/index.ts';
import { misconfigurations } from './checks.ts';
import { decidedWithoutLimits, SharedDecision, type Booking, type Decision } from './decision.ts';
import type { LimitEvents } from './events.ts';
import { subjectList } from './lists.ts';
import { keyFor, keyGroupsOf, type GroupKeys, type KeyGroup } from './key-groups.ts';
import { LocalCounts } from './local-counts.ts';
import { limiterOptions, rulesOf, type LimiterOptions } from './options.ts';
import { reserve, type Reservation } from './reservation.ts';
import { rulesFromOptions, type Rule } from './rule.ts';
import { SharedCounts, type StoreSettings } from './shared-counts.ts';
import { SlowDown, type SlowDownSettings } from './slow-down.ts';
import type { Subject } from './subject.ts';

export interface CheckOptions {
  /** Units the request takes: 1 by default; bytes, rows or points of a query where the limit counts those. 0 looks only. */
  readonly cost?: number;
  /**
   * The time, for a caller that has just read it: monotonic ms of the limiter's clock (`performance.now()`). Counts in memory
   * go by it, and so their promise does: times that lag behind make windows shorter by as much.
   */
  readonly nowMs?: number | undefined;
}

/** A time that a caller gives is checked against the clock when it is so much later than the last one. */
const UNCHECKED_STEP_MS = 1000;

/** What a limiter needs beside its rules. */
export interface LimiterSettings extends Omit<StoreSettings, 'store'> {
  readonly allow: readonly string[];
  readonly deny: readonly string[];
  readonly tiers: Readonly<Record<string, number>>;
  readonly maxKeys: number;
  readonly store?: CounterStore | undefined;
  readonly scope?: string | undefined;
  readonly slowDown?: SlowDownSettings | undefined;
}

/**
 * Decides whether a subject may go on under one or several limits. `Answer` is `Decision` while counts are in memory, and
 * may be a promise with a shared store; `await` takes both.
 */
export interface Limiter<Answer extends Decision | Promise<Decision> = Decision | Promise<Decision>> {
  readonly events: Events<LimitEvents>;
  readonly rules: readonly Rule[];
  /**
   * Decides, and counts the cost when the answer is yes. A string is taken as the key itself.
   * @throws RangeError when the cost is no whole number from 0.
   */
  check(subject: Subject | string, options?: CheckOptions): Answer;
  /** Decides without counting. */
  peek(subject: Subject | string): Answer;
  /**
   * Takes units now whose final number is known later: `commit(actual)` gives back what was too much, or counts what was
   * too little; `cancel()` gives back everything.
   */
  reserve(subject: Subject | string, options?: CheckOptions): Answer extends Decision ? Reservation : Promise<Reservation>;
  /** Units left under the tightest limit; Infinity when none applies. */
  getRemainingRequests(subject: Subject | string): Promise<number>;
  /**
   * Gives units back: those a decision counted (all, or `cost` of them), each once and as long as it still counts. With a
   * subject instead, `cost` units (1) of it, those that would run out first. A decision from before a `reset` has nothing
   * to give back any more; do not refund it.
   */
  refund(decisionOrSubject: Decision | Subject | string, cost?: number): Promise<void>;
  /** Counts units whatever the limits say, as far as they reach: a penalty, or work found out about later. */
  charge(subject: Subject | string, cost: number): Promise<void>;
  /** Forgets what a subject has used. */
  reset(subject: Subject | string): Promise<void>;
  /**
   * Waits out an allowed decision's `delayMs`. The decision to go by comes back: a refusal instead, at once, where too many
   * requests wait already. An aborted signal ends the wait early.
   */
  hold(decision: Decision, signal?: AbortSignal): Promise<Decision>;
  /** Ends timers; the store stays open, for others may use it. */
  close(): void;
}

/**
 * Creates a limiter. A refusal is an answer (`allowed: false`), never an error.
 * @throws ConfigError when options are wrong.
 */
export function createLimiter(
  options: LimiterOptions & { readonly store?: undefined },
  runtime?: Partial<Runtime>,
): Limiter<Decision>;
export function createLimiter(options: LimiterOptions, runtime?: Partial<Runtime>): Limiter;
export function createLimiter(options: LimiterOptions, runtime: Partial<Runtime> = {}): Limiter {
  const subject = 'createLimiter(options)';
  const parsed = parseOptions(limiterOptions, options, subject);
  const rules = rulesFromOptions(rulesOf(parsed, options, subject), parsed.leases);
  return new PolicyLimiter(rules, parsed, runtimeFrom(runtime));
}

/** {@link Limiter} over rules that are resolved already. */
export class PolicyLimiter implements Limiter {
  readonly events = new Events<LimitEvents>();
  readonly rules: readonly Rule[];
  readonly #settings: LimiterSettings;
  readonly #groups: readonly KeyGroup[];
  readonly #local: LocalCounts;
  readonly #shared: SharedCounts | undefined;
  readonly #slowDown: SlowDown | undefined;
  readonly #clock: Clock;
  #lastMs = -Infinity;
  readonly #isAllowListed: (subject: Subject) => boolean;
  readonly #isDenied: (subject: Subject) => boolean;
  readonly #hasLists: boolean;
  readonly #hasQuota: boolean;
  readonly #allowed: Counter;
  readonly #refused: Readonly<Record<string, Counter>>;

  constructor(rules: readonly Rule[], settings: LimiterSettings, runtime: Runtime) {
    this.rules = rules;
    this.#settings = settings;
    this.#clock = runtime.clock;
    const name = rules.map((rule) => rule.name).join(' ');
    const highestTier = Math.max(1, ...Object.values(settings.tiers));
    this.#groups = keyGroupsOf(rules);
    this.#local = new LocalCounts(rules, this.#groups, settings.maxKeys, highestTier, runtime.clock);
    const { store } = settings;
    this.#shared =
      store && new SharedCounts(settings.scope ?? name, rules, this.#groups, { ...settings, store }, this.#local, runtime);
    this.#slowDown = settings.slowDown && new SlowDown(settings.slowDown, runtime.clock);
    this.#isAllowListed = subjectList(settings.allow);
    this.#isDenied = subjectList(settings.deny);
    this.#hasLists = settings.allow.length + settings.deny.length > 0;
    this.#hasQuota = rules.some((rule) => rule.algorithm === 'quota');
    const decisions = runtime.metrics.counter({
      name: 'spillway_limit_decisions',
      help: 'Decisions of limiters, by the limit that decided and the outcome.',
      labels: ['policy', 'outcome'],
    });
    this.#allowed = decisions.series({ policy: name, outcome: 'allowed' });
    const outcome = settings.shadow ? 'shadow' : 'refused';
    this.#refused = Object.fromEntries(rules.map((rule) => [rule.name, decisions.series({ policy: rule.name, outcome })]));
    watchSize(this.#local, runtime);
    misconfigurations.limiterCreated(runtime.clock.monotonic());
    if (store) misconfigurations.scopeUsed(store, settings.scope ?? name, name);
    this.#shared?.guard.events.on('down', ({ error }) => this.events.emit('storeDown', { error }));
    this.#shared?.guard.events.on('up', ({ downForMs }) => this.events.emit('storeUp', { downForMs }));
  }

  check(subject: Subject | string, options?: CheckOptions): Decision | Promise<Decision> {
    const cost = unitsOf(options?.cost);
    const decision = this.#listed(subject) ?? this.#decide(subject, cost, options?.nowMs);
    return decision instanceof Promise
      ? decision.then((settled) => this.#conclude(subject, settled, cost))
      : this.#conclude(subject, decision, cost);
  }

  /**
   * Like {@link check} for a caller who cannot wait: the decision where it is an allowing one and this process can make it
   * by itself. Undefined otherwise; then nothing was counted or reported, and `check` must decide.
   * @param nowMs the time as in {@link CheckOptions}.
   */
  checkNow(subject: Subject, nowMs?: number): Decision | undefined {
    const decision = this.#listed(subject) ?? this.#decideNow(subject, nowMs);
    if (!decision?.allowed) return undefined;
    return this.#conclude(subject, decision, 1);
  }

  peek(subject: Subject | string): Decision | Promise<Decision> {
    return this.#listed(subject) ?? this.#decide(subject, 0);
  }

  reserve(subject: Subject | string, options?: CheckOptions): never {
    const cost = unitsOf(options?.cost);
    const decision = this.check(subject, options);
    // The interface says which of the two it is for this limiter.
    return (
      decision instanceof Promise
        ? decision.then((settled) => reserve(this, subject, settled, cost))
        : reserve(this, subject, decision, cost)
    ) as never;
  }

  async getRemainingRequests(subject: Subject | string): Promise<number> {
    const decision = await this.peek(subject);
    return decision.states.length === 0 ? (decision.allowed ? Infinity : 0) : decision.remaining;
  }

  async refund(decisionOrSubject: Decision | Subject | string, cost?: number): Promise<void> {
    if (decisionOrSubject instanceof SharedDecision) return this.#shared!.refund(decisionOrSubject, cost ?? Infinity);
    const bookings = bookingsOf(decisionOrSubject);
    const nowMs = this.#timeOf();
    if (bookings && this.#shared) this.#shared.refundAlone(bookings, cost ?? Infinity);
    else if (bookings) this.#local.refund(bookings, cost ?? Infinity, nowMs);
    else {
      const subject = decisionOrSubject as Subject | string;
      const keys = this.#keysOf(subject);
      this.#local.refundKeys(keys, this.#multiplierOf(subject), cost ?? 1, nowMs);
      await this.#shared?.refundKeys(keys, this.#multiplierOf(subject), cost ?? 1);
    }
  }

  async charge(subject: Subject | string, cost: number): Promise<void> {
    const [keys, multiplier] = [this.#keysOf(subject), this.#multiplierOf(subject)];
    const units = unitsOf(cost);
    if (this.#shared) await this.#shared.charge(keys, multiplier, units);
    else this.#local.charge(keys, multiplier, units, this.#timeOf());
  }

  async reset(subject: Subject | string): Promise<void> {
    const keys = this.#keysOf(subject);
    this.#local.reset(keys);
    await this.#shared?.reset(keys, this.#multiplierOf(subject));
  }

  async hold(decision: Decision, signal?: AbortSignal): Promise<Decision> {
    if (decision.delayMs === 0 || !this.#slowDown || (await this.#slowDown.hold(decision.delayMs, signal))) return decision;
    await this.refund(decision);
    return decidedWithoutLimits(false, 'delayQueueFull', decision.delayMs);
  }

  close(): void {
    this.#shared?.close();
  }

  #decide(subject: Subject | string, cost: number, givenMs?: number): Decision | Promise<Decision> {
    const multiplier = this.#multiplierOf(subject);
    if (this.rules.length === 1 && !this.#shared) {
      const key = keyFor(subject, this.#groups[0]!);
      if (key === undefined) return decidedWithoutLimits(true, 'exempt');
      return this.#local.decideOne(key, multiplier, cost, this.#timeOf(givenMs), this.#settings.shadow);
    }
    const keys = this.#keysOf(subject);
    if (keys.every((key) => key === undefined)) return decidedWithoutLimits(true, 'exempt');
    if (this.#shared) return this.#shared.decide(keys, multiplier, cost);
    return this.#local.decide(keys, multiplier, cost, this.#timeOf(givenMs), this.#settings.shadow);
  }

  /** Never goes back, and a time far ahead is not believed: either would make counts run out that still count. */
  #timeOf(givenMs?: number): number {
    const lastMs = this.#lastMs;
    const isNear = givenMs !== undefined && givenMs < lastMs + UNCHECKED_STEP_MS;
    const nowMs = isNear ? givenMs : Math.min(givenMs ?? Infinity, this.#clock.monotonic());
    return (this.#lastMs = nowMs > lastMs ? nowMs : lastMs);
  }

  #decideNow(subject: Subject, givenMs: number | undefined): Decision | undefined {
    if (!this.#shared) return this.#decide(subject, 1, givenMs) as Decision;
    return this.#shared.decideByLeaseNow(this.#keysOf(subject), this.#multiplierOf(subject), 1);
  }

  /** What follows from a decision: delays, counters, events. */
  #conclude(subject: Subject | string, decision: Decision, cost: number): Decision {
    if (this.#hasQuota && decision.allowed) this.#watchQuotas(subject, decision, cost);
    if (decision.allowed && decision.reason !== 'shadow') {
      this.#allowed.inc();
      if (this.#slowDown) decision.delayMs = this.#slowDown.delayMs(decision);
      return decision;
    }
    this.#refused[decision.policy]?.inc();
    if (this.events.has('refused')) {
      this.events.emit('refused', {
        key: this.#firstKeyOf(subject),
        policy: decision.policy,
        limit: decision.limit,
        retryAfterMs: decision.retryAfterMs,
        shadow: decision.allowed,
      });
    }
    return decision;
  }

  /** Whoever's units pass a mark reports it: the store counts one request after the other, so one process does. */
  #watchQuotas(subject: Subject | string, decision: Decision, cost: number): void {
    const { counted, held } = decision instanceof SharedDecision ? decision : { counted: cost, held: 0 };
    for (const { policy, limit, remaining } of decision.states) {
      if (this.rules.find((rule) => rule.name === policy)?.algorithm !== 'quota') continue;
      const used = limit - remaining + held;
      for (const share of [0.8, 1] as const) {
        const mark = limit * share;
        if (used >= mark && used - counted < mark)
          this.events.emit('quotaReached', { key: this.#firstKeyOf(subject), policy, share, used, limit });
      }
    }
  }

  #listed(subject: Subject | string): Decision | undefined {
    if (!this.#hasLists || typeof subject === 'string') return undefined;
    if (this.#isDenied(subject)) return decidedWithoutLimits(false, 'denied');
    return this.#isAllowListed(subject) ? decidedWithoutLimits(true, 'allowListed') : undefined;
  }

  #keysOf(subject: Subject | string): GroupKeys {
    const keys: (string | undefined)[] = [];
    for (const group of this.#groups) keys.push(keyFor(subject, group));
    return keys;
  }

  #firstKeyOf(subject: Subject | string): string {
    return this.#keysOf(subject).find((key) => key !== undefined) ?? '';
  }

  #multiplierOf(subject: Subject | string): number {
    if (typeof subject === 'string' || subject.tier === undefined) return 1;
    return this.#settings.tiers[subject.tier] ?? 1;
  }
}

/** Counts are of whole units; anything else would corrupt them in silence. */
function unitsOf(cost = 1): number {
  if (Number.isInteger(cost) && cost >= 0) return cost;
  throw new RangeError(`a cost is a whole number of units from 0, not ${cost}`);
}

function bookingsOf(given: Decision | Subject | string): readonly Booking[] | undefined {
  return typeof given === 'object' && 'allowed' in given
    ? ((given as { bookings?: readonly Booking[] }).bookings ?? [])
    : undefined;
}

function watchSize(counts: LocalCounts, runtime: Runtime): void {
  const keys = runtime.metrics.gauge({ name: 'spillway_limit_keys', help: 'Keys counted in memory.' }).series();
  const forgotten = runtime.metrics
    .counter({
      name: 'spillway_limit_forgotten_keys',
      help: 'Keys forgotten while they still counted, because maxKeys was reached.',
    })
    .series();
  let [lastKeys, lastForgotten] = [0, 0];
  runtime.metrics.onCollect(() => {
    keys.add(counts.keys - lastKeys);
    forgotten.inc(counts.forgotten - lastForgotten);
    [lastKeys, lastForgotten] = [counts.keys, counts.forgotten];
  });
}
