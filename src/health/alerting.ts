import { Events, type Clock, type Random } from '../kernel/index.ts';
import type { AlertsPolicy, SloPolicy } from '../policy/index.ts';
import { AlertBook, type Alert, type AlertTransition, type Finding } from './alert-book.ts';
import { alertRules, type AlertRule } from './alert-rules.ts';
import { burnFindings, thresholdFindings } from './find-alerts.ts';
import type { FleetTotals } from './fleet.ts';
import { grafanaBoard } from './grafana.ts';
import { Notifier, type Post } from './notifier.ts';
import { objectivesOf, type Objective } from './objectives.ts';
import type { ObjectiveRow } from './overview.ts';
import { prometheusRules } from './prometheus-rules.ts';
import { SloBook } from './slo-book.ts';
import type { Status } from './status.ts';

/** A critical verdict that lasts this long is worth waking someone for; shorter ones the house deals with by itself. */
const CRITICAL_FOR_MS = 30_000;

export interface AlertingEvents {
  transition: AlertTransition;
}

/** Objectives, rules, what fires, and who is told. */
export class Alerting {
  readonly events = new Events<AlertingEvents>();
  readonly book: SloBook;
  readonly notifier: Notifier;
  readonly objectives: readonly Objective[];
  readonly #rules: readonly AlertRule[];
  readonly #alerts = new AlertBook();
  readonly #sloWindowMs: number;
  readonly #service: string;
  readonly #clock: Clock;

  constructor(
    given: { service: string; alerts: AlertsPolicy; slo: SloPolicy; classObjectives: ReadonlyMap<string, number>; post?: Post },
    clock: Clock,
    random: Random,
  ) {
    this.#clock = clock;
    this.#service = given.service;
    this.#rules = alertRules(given.alerts);
    this.#sloWindowMs = given.slo.window;
    this.objectives = objectivesOf(given.slo, given.classObjectives);
    this.book = new SloBook(this.objectives, given.slo.window);
    this.notifier = new Notifier(given.service, given.alerts, clock, random, given.post);
  }

  get alerts(): readonly Alert[] {
    return this.#alerts.alerts;
  }

  /** Counts the running interval into the objectives. */
  count(fleet: FleetTotals): void {
    this.book.take(fleet, this.#clock.now());
  }

  /** @param read the mean of a signal over the last minute. */
  evaluate(read: (signal: string) => number | undefined, status: Status, leaks: readonly Finding[]): void {
    const findings = [
      ...thresholdFindings(this.#rules, read),
      ...burnFindings(this.book.findings),
      ...criticalFindings(status),
      ...leaks,
    ];
    for (const transition of this.#alerts.evaluate(findings, this.#clock.now())) this.events.emit('transition', transition);
    this.notifier.take(this.#alerts.alerts);
  }

  silence(key: string, forMs: number): void {
    this.#alerts.silence(key, this.#clock.now() + forMs);
  }

  rows(): ObjectiveRow[] {
    const nowMs = this.#clock.now();
    return this.book.counts.map((count) => {
      const { name, text, goal } = count.objective;
      return {
        name,
        text,
        goal,
        ...count.budget(nowMs),
        burning: this.book.findings.some(({ objective }) => objective.name === name),
      };
    });
  }

  /** The same rules for Prometheus. */
  prometheusRules(): string {
    return prometheusRules(this.objectives, this.#rules, this.#sloWindowMs);
  }

  /** A Grafana board of the same metrics and objectives. */
  grafanaBoard(): unknown {
    return grafanaBoard(this.#service, this.objectives);
  }

  stop(): void {
    this.notifier.stop();
  }
}

function criticalFindings({ verdict, causes }: Status): Finding[] {
  if (verdict !== 'critical') return [];
  return [
    { key: 'SpillwayCritical', severity: 'page', text: causes[0]?.text ?? 'the service is critical', forMs: CRITICAL_FOR_MS },
  ];
}
