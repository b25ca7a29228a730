import { formatDuration } from '../kernel/index.ts';
import type { HealthPolicy } from '../policy/index.ts';
import { percent, time } from './words.ts';

/** `unknown`: nothing was heard from the workers for a while. */
export type Verdict = 'healthy' | 'degraded' | 'critical' | 'unknown';
export type Trouble = 'degraded' | 'critical';

/** One thing that makes the verdict worse than healthy. */
export interface Cause {
  /** Stable name: `errors`, `upstream:site`. */
  readonly id: string;
  readonly level: Trouble;
  /** A sentence with its number. */
  readonly text: string;
  readonly sinceMs: number;
  /** The hop of the path strip it shows at: `upstream`, `redis`; absent: the process itself. */
  readonly hop?: string;
}

/** Something found broken rather than measured: it counts at once, and ends when it is no longer reported. */
export interface Condition {
  readonly id: string;
  readonly level: Trouble;
  readonly text: string;
  readonly hop?: string;
}

/** What the rules look at; undefined: not known, or too few requests to tell. */
export interface VitalSigns {
  readonly cpu: number | undefined;
  readonly memory: number | undefined;
  /** Share of requests answered 5xx. */
  readonly errors: number | undefined;
  readonly responseTimeMs: number | undefined;
}

export interface Status {
  readonly verdict: Verdict;
  /** When the verdict became what it is, ms since the epoch. */
  readonly sinceMs: number;
  /** Worst first; empty when healthy. */
  readonly causes: readonly Cause[];
}

/** A limit is left behind only this far below it, so that a value at the limit does not flicker. */
const CALM_SHARE = 0.9;

interface Rule {
  readonly id: keyof HealthPolicy['degraded'];
  read(signs: VitalSigns): number | undefined;
  tell(value: number, limit: number): string;
}

const RULES: readonly Rule[] = [
  {
    id: 'errors',
    read: (signs) => signs.errors,
    tell: (value, limit) => `${percent(value)} of requests fail (limit ${percent(limit)})`,
  },
  {
    id: 'responseTime',
    read: (signs) => signs.responseTimeMs,
    tell: (value, limit) => `95 of 100 requests take up to ${time(value)} (limit ${time(limit)})`,
  },
  {
    id: 'memory',
    read: (signs) => signs.memory,
    tell: (value, limit) => `memory is ${percent(value)} full (limit ${percent(limit)})`,
  },
  {
    id: 'cpu',
    read: (signs) => signs.cpu,
    tell: (value, limit) => `workers use ${percent(value)} of their CPU (limit ${percent(limit)})`,
  },
];

/** The level a rule holds, and since when its value has asked for another. */
class RuleState {
  level: Trouble | undefined;
  sinceMs = 0;
  #wanted: Trouble | undefined;
  #wantedSinceMs = 0;

  update(value: number | undefined, degraded: number, critical: number, nowMs: number, policy: StatusLimits): void {
    const wanted = this.#levelFor(value, degraded, critical);
    if (wanted !== this.#wanted) [this.#wanted, this.#wantedSinceMs] = [wanted, nowMs];
    if (wanted === this.level) return;
    const waitMs = severity(wanted) > severity(this.level) ? policy.raiseAfter : policy.recoverAfter;
    if (nowMs - this.#wantedSinceMs < waitMs) return;
    this.level = wanted;
    this.sinceMs = nowMs;
  }

  #levelFor(value: number | undefined, degraded: number, critical: number): Trouble | undefined {
    if (value === undefined) return undefined;
    if (value > (this.level === 'critical' ? critical * CALM_SHARE : critical)) return 'critical';
    return value > (this.level === undefined ? degraded : degraded * CALM_SHARE) ? 'degraded' : undefined;
  }
}

/** The limits of the verdict, and how long they must be passed. */
export type StatusLimits = Omit<HealthPolicy, 'name' | 'version'>;

/** Healthy, degraded or critical, by limits with hysteresis and by what is found broken. */
export class StatusJudge {
  readonly #policy: StatusLimits;
  readonly #rules = new Map(RULES.map((rule) => [rule.id, new RuleState()]));
  readonly #conditionsSince = new Map<string, number>();
  #status: Status;

  constructor(policy: StatusLimits, nowMs: number) {
    this.#policy = policy;
    this.#status = { verdict: 'unknown', sinceMs: nowMs, causes: [] };
  }

  get status(): Status {
    return this.#status;
  }

  judge(signs: VitalSigns, conditions: readonly Condition[], nowMs: number): Status {
    const causes = [...this.#judgeRules(signs, nowMs), ...this.#judgeConditions(conditions, nowMs)];
    causes.sort((a, b) => severity(b.level) - severity(a.level) || a.sinceMs - b.sinceMs);
    return this.#enter(causes[0]?.level ?? 'healthy', causes, nowMs);
  }

  /** Nothing was heard from the workers: whatever the verdict was, it is not known to hold. */
  lose(silentSinceMs: number, nowMs: number): Status {
    const text = `the workers have not answered for ${formatDuration(Math.round((nowMs - silentSinceMs) / 1000) * 1000)}`;
    return this.#enter('unknown', [{ id: 'silence', level: 'critical', text, sinceMs: silentSinceMs }], nowMs);
  }

  #judgeRules(signs: VitalSigns, nowMs: number): Cause[] {
    const causes: Cause[] = [];
    for (const rule of RULES) {
      const state = this.#rules.get(rule.id)!;
      const value = rule.read(signs);
      state.update(value, this.#policy.degraded[rule.id], this.#policy.critical[rule.id], nowMs, this.#policy);
      if (!state.level) continue;
      const limit = this.#policy[state.level][rule.id];
      const text =
        value !== undefined && value > limit ? rule.tell(value, limit) : `${rule.tell(value ?? limit, limit)}, calming down`;
      causes.push({ id: rule.id, level: state.level, text, sinceMs: state.sinceMs });
    }
    return causes;
  }

  #judgeConditions(conditions: readonly Condition[], nowMs: number): Cause[] {
    const present = new Set(conditions.map(({ id }) => id));
    for (const id of this.#conditionsSince.keys()) if (!present.has(id)) this.#conditionsSince.delete(id);
    return conditions.map((condition) => {
      const sinceMs = this.#conditionsSince.get(condition.id) ?? nowMs;
      this.#conditionsSince.set(condition.id, sinceMs);
      return { ...condition, sinceMs };
    });
  }

  #enter(verdict: Verdict, causes: readonly Cause[], nowMs: number): Status {
    const sinceMs = verdict === this.#status.verdict ? this.#status.sinceMs : nowMs;
    return (this.#status = { verdict, sinceMs, causes });
  }
}

function severity(level: Trouble | undefined): number {
  return level === 'critical' ? 2 : level === 'degraded' ? 1 : 0;
}
