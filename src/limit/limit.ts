import { Events, parseOptions, runtimeFrom, type Clock, type Counter, type Runtime } from '../kernel/index.ts';
import { decidedByList, type Booking, type Decision } from './decision.ts';
import type { LimitEvents } from './events.ts';
import { subjectList } from './lists.ts';
import { LocalCounts, type RuleKeys } from './local-counts.ts';
import { limiterOptions, rulesOf, type LimiterOptions } from './options.ts';
import { rulesFromOptions, type Rule } from './rule.ts';
import { bounded, keyOf, type Subject } from './subject.ts';

export interface CheckOptions {
  /** Units the request takes: 1 by default; bytes, rows or points of a query where the limit counts those. 0 looks only. */
  readonly cost?: number;
}

/** What a limiter needs beside its rules. */
export interface LimiterSettings {
  readonly allow: readonly string[];
  readonly deny: readonly string[];
  readonly tiers: Readonly<Record<string, number>>;
  readonly maxKeys: number;
  readonly shadow: boolean;
}

/**
 * Creates a limiter that counts in this process. A refusal is an answer (`allowed: false`), never an error.
 * @throws ConfigError when options are wrong.
 */
export function createLimiter(options: LimiterOptions, runtime: Partial<Runtime> = {}): Limiter {
  const subject = 'createLimiter(options)';
  const parsed = parseOptions(limiterOptions, options, subject);
  return new Limiter(rulesFromOptions(rulesOf(parsed, options, subject)), parsed, runtimeFrom(runtime));
}

/** Decides whether a subject may go on under one or several limits. */
export class Limiter {
  readonly events = new Events<LimitEvents>();
  readonly rules: readonly Rule[];
  readonly #settings: LimiterSettings;
  readonly #counts: LocalCounts;
  readonly #clock: Clock;
  readonly #isAllowListed: (subject: Subject) => boolean;
  readonly #isDenied: (subject: Subject) => boolean;
  readonly #hasLists: boolean;
  readonly #allowed: Counter;
  readonly #refused: Readonly<Record<string, Counter>>;

  constructor(rules: readonly Rule[], settings: LimiterSettings, runtime: Runtime) {
    this.rules = rules;
    this.#settings = settings;
    this.#clock = runtime.clock;
    this.#counts = new LocalCounts(rules, settings.maxKeys, Math.max(1, ...Object.values(settings.tiers)));
    this.#isAllowListed = subjectList(settings.allow);
    this.#isDenied = subjectList(settings.deny);
    this.#hasLists = settings.allow.length + settings.deny.length > 0;
    const decisions = runtime.metrics.counter({
      name: 'spillway_limit_decisions',
      help: 'Decisions of limiters, by the limit that decided and the outcome.',
      labels: ['policy', 'outcome'],
    });
    this.#allowed = decisions.series({ policy: rules.map((rule) => rule.name).join(' '), outcome: 'allowed' });
    this.#refused = Object.fromEntries(
      rules.map((rule) => [rule.name, decisions.series({ policy: rule.name, outcome: settings.shadow ? 'shadow' : 'refused' })]),
    );
    watchSize(this.#counts, runtime);
  }

  /** Decides, and counts the cost when the answer is yes. A string is taken as the key itself. */
  check(subject: Subject | string, options?: CheckOptions): Decision {
    const cost = options?.cost ?? 1;
    const decision = this.#listed(subject) ?? this.#decide(subject, cost);
    this.#report(subject, decision);
    return decision;
  }

  /** Like {@link check}, but silent when it refuses: for a caller who then asks `check` for the whole answer. */
  admits(subject: Subject | string): boolean {
    const decision = this.#listed(subject) ?? this.#decide(subject, 1);
    if (decision.allowed) this.#report(subject, decision);
    return decision.allowed;
  }

  /** Decides without counting. */
  peek(subject: Subject | string): Decision {
    return this.#listed(subject) ?? this.#decide(subject, 0);
  }

  /** Units the subject has left under the tightest of its limits; Infinity when none applies. */
  getRemainingRequests(subject: Subject | string): number {
    const decision = this.peek(subject);
    return decision.states.length === 0 ? (decision.allowed ? Infinity : 0) : decision.remaining;
  }

  /**
   * Gives units back: those a decision counted (all, or `cost` of them), each once and as long as it still counts. With a
   * subject instead, `cost` units (1) of it, those that would run out first. A decision from before a `reset` has nothing
   * to give back any more; do not refund it.
   */
  refund(decisionOrSubject: Decision | Subject | string, cost?: number): void {
    const nowMs = this.#clock.monotonic();
    const bookings = bookingsOf(decisionOrSubject);
    if (bookings) this.#counts.refund(bookings, cost ?? Infinity, nowMs);
    else {
      const subject = decisionOrSubject as Subject | string;
      this.#counts.refundKeys(this.#keysOf(subject), this.#multiplierOf(subject), cost ?? 1, nowMs);
    }
  }

  /** Forgets what a subject has used. */
  reset(subject: Subject | string): void {
    this.#counts.reset(this.#keysOf(subject));
  }

  #decide(subject: Subject | string, cost: number): Decision {
    const nowMs = this.#clock.monotonic();
    const multiplier = this.#multiplierOf(subject);
    const { shadow } = this.#settings;
    if (this.rules.length === 1) {
      const key = this.#keyOf(subject, this.rules[0]!);
      return key === undefined ? decidedByList(true, 'exempt') : this.#counts.decideOne(key, multiplier, cost, nowMs, shadow);
    }
    const keys = this.#keysOf(subject);
    if (keys.every((key) => key === undefined)) return decidedByList(true, 'exempt');
    return this.#counts.decide(keys, multiplier, cost, nowMs, shadow);
  }

  #listed(subject: Subject | string): Decision | undefined {
    if (!this.#hasLists || typeof subject === 'string') return undefined;
    if (this.#isDenied(subject)) return decidedByList(false, 'denied');
    return this.#isAllowListed(subject) ? decidedByList(true, 'allowListed') : undefined;
  }

  #keyOf(subject: Subject | string, rule: Rule): string | undefined {
    return typeof subject === 'string' ? bounded(subject) : keyOf(subject, rule.by, rule.ipv6Prefix);
  }

  #keysOf(subject: Subject | string): RuleKeys {
    return this.rules.map((rule) => this.#keyOf(subject, rule));
  }

  #multiplierOf(subject: Subject | string): number {
    if (typeof subject === 'string' || subject.tier === undefined) return 1;
    return this.#settings.tiers[subject.tier] ?? 1;
  }

  #report(subject: Subject | string, decision: Decision): void {
    if (decision.allowed && decision.reason !== 'shadow') return this.#allowed.inc();
    this.#refused[decision.policy]?.inc();
    if (!this.events.has('refused')) return;
    this.events.emit('refused', {
      key: this.#keysOf(subject).find((key) => key !== undefined) ?? '',
      policy: decision.policy,
      limit: decision.limit,
      retryAfterMs: decision.retryAfterMs,
      shadow: decision.allowed,
    });
  }
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
