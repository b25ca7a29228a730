import { Histogram, type HistogramData } from '../kernel/index.ts';
import { describeArrival } from './arrival.ts';
import { connectionsOf, type GeneratorUse, type Plan } from './generator.ts';
import type { CheckCount, Measurement, Series } from './measurement.ts';
import type { FaultMark } from './own-processes.ts';
import { percentilesOf, type Percentiles } from './percentiles.ts';
import type { ServerMetrics } from './server-metrics.ts';
import { evaluateThresholds, type Threshold, type ThresholdOutcome } from './thresholds.ts';
import { reasonsInvalid } from './verdict.ts';

/** The figures of a run, or of the part of it with the same tags. */
export interface LoadFigures {
  /** Requests handed to a connection. */
  readonly sent: number;
  /** Requests answered, whatever the status. */
  readonly completed: number;
  /** Requests without an answer, or with one that counts as a failure. */
  readonly failed: number;
  /** Failed out of all that came to an end, 0 to 1. */
  readonly errorRate: number;
  /** Failures by kind: `connect`, `closed`, `reset`, `timeout`, `protocol`, `late`, `unfinished`, `script`, `status 503`. */
  readonly errors: Readonly<Record<string, number>>;
  readonly statuses: Readonly<Record<string, number>>;
  /** Answers a second, over the planned duration. */
  readonly ratePerSecond: number;
  /** Answers a second that were no failure. */
  readonly goodputPerSecond: number;
  readonly bodyBytes: number;
  /** From the intended time to the last byte; unanswered requests count at the age they were given up at. */
  readonly latency: Percentiles;
  /** From the write to the last byte. */
  readonly service: Percentiles;
}

/** How one figure of a run compares with the baseline's. */
export interface Comparison {
  /** `p50`, `p99`, `error rate`, `answers a second`. */
  readonly subject: string;
  readonly before: number;
  readonly after: number;
  /** after ÷ before − 1; for the error rate, after − before. */
  readonly change: number;
  /** Chance of a difference this large between two runs of the same system. */
  readonly pValue: number;
  /** Worse by more than the tolerance, and not by chance. */
  readonly regression: boolean;
}

export type VerdictResult = 'ok' | 'thresholds' | 'regression' | 'invalid';

export interface Verdict {
  readonly result: VerdictResult;
  /** 0 ok, 99 a threshold broke, 98 worse than the baseline, 97 the run is invalid. */
  readonly exitCode: 0 | 97 | 98 | 99;
  /** In sentences; empty when all is well. */
  readonly reasons: readonly string[];
}

export const EXIT_CODES = { ok: 0, invalid: 97, regression: 98, thresholds: 99 } as const;

export interface TimelinePoint {
  /** Start of the interval, ms into the run. */
  readonly atMs: number;
  readonly sent: number;
  readonly answered: number;
  readonly failed: number;
  readonly peakInFlight: number;
  readonly p50: number | null;
  readonly p99: number | null;
  readonly max: number | null;
  readonly lagMs: number;
  readonly busy: number;
}

/** All that a run found out. Plain data: it is the JSON file, and what every other report is made from. */
export interface LoadReport extends LoadFigures {
  readonly version: 1;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly target: string;
  readonly model: 'open' | 'closed' | 'replay';
  /** The arrival in words. */
  readonly arrival: string;
  readonly durationMs: number;
  /** How long the run really took, with the wait for the last answers. */
  readonly elapsedMs: number;
  readonly workers: number;
  readonly connections: number;
  /** Arrivals that fell due (open), or iterations begun (closed). */
  readonly planned: number;
  /** Of these, how many never began, because every connection or user was busy until they were given up. */
  readonly missed: number;
  /** Iterations of scenario code that ran to their end. */
  readonly iterations: number;
  /** How late requests left although a connection was free. */
  readonly lag: Percentiles;
  readonly peakInFlight: number;
  readonly scenarios: Readonly<Record<string, LoadFigures>>;
  readonly classes: Readonly<Record<string, LoadFigures>>;
  readonly requests: Readonly<Record<string, LoadFigures>>;
  readonly checks: readonly CheckCount[];
  readonly scriptErrors: readonly string[];
  readonly thresholds: readonly ThresholdOutcome[];
  /** Against the baseline, where one was given. */
  readonly comparisons?: readonly Comparison[];
  /** The target's own figures, where its metrics were read. */
  readonly server?: ServerMetrics;
  /** What was made to go wrong, and when. */
  readonly faults?: readonly FaultMark[];
  readonly verdict: Verdict;
  readonly generator: {
    /** Share of the run the busiest worker's event loop was busy. */
    readonly busy: number;
    /** User and system CPU time of all workers, ms; 0 on a simulated clock. */
    readonly cpuMs: number;
    readonly bytesRead: number;
    readonly bytesWritten: number;
    readonly connectionsOpened: number;
    readonly resent: number;
  };
  readonly timeline: { readonly intervalMs: number; readonly points: readonly TimelinePoint[] };
  /** Microseconds, for comparisons and charts. */
  readonly histograms: { readonly latency: HistogramData; readonly service: HistogramData };
}

/** What a report is made of. */
export interface RunResult {
  readonly plan: Plan;
  readonly measurement: Measurement;
  readonly uses: readonly GeneratorUse[];
  readonly startedAtMs: number;
  readonly durationMs: number;
  readonly elapsedMs: number;
  readonly cpuMs: number;
  readonly thresholds: readonly Threshold[];
  /** The threshold that ended the run early, if one did. */
  readonly aborted: Threshold | undefined;
  readonly server: ServerMetrics | undefined;
  readonly faults: readonly FaultMark[];
}

export function buildReport(run: RunResult): LoadReport {
  const { plan, measurement, uses } = run;
  countLost(plan, measurement);
  const series = [...measurement.series].filter((one) => one.sent + one.answered + one.failed > 0);
  const total = figuresOf(series, run);
  const all = { latency: mergedHistogram(series, 'latency'), service: mergedHistogram(series, 'service') };
  const thresholds = evaluateThresholds(run.thresholds, measurement, Math.min(run.durationMs, run.elapsedMs));
  const busy = Math.max(0, ...uses.map((use) => use.busy));
  const invalid = reasonsInvalid({
    planned: measurement.planned,
    punctual: measurement.punctual,
    answered: total.completed,
    lag: measurement.lag,
    latency: all.latency,
    busy,
    workers: uses.length,
    connections: connectionsOf(plan),
  });
  return {
    version: 1,
    startedAt: new Date(run.startedAtMs).toISOString(),
    target: plan.definition.target,
    model: plan.definition.arrival.model,
    arrival: describeArrival(plan.definition.arrival),
    durationMs: run.durationMs,
    elapsedMs: Math.round(run.elapsedMs),
    workers: uses.length,
    connections: connectionsOf(plan),
    planned: measurement.planned,
    missed: measurement.missed,
    ...total,
    iterations: measurement.iterations,
    lag: percentilesOf(measurement.lag),
    peakInFlight: measurement.peakInFlight,
    scenarios: groupBy(series, (one) => one.tags.scenario, run),
    classes: groupBy(series, (one) => one.tags.class, run),
    requests: groupBy(series, (one) => one.tags.name, run),
    checks: [...measurement.checks],
    scriptErrors: [...measurement.scriptErrors],
    thresholds,
    ...(run.server === undefined ? {} : { server: run.server }),
    ...(run.faults.length === 0 ? {} : { faults: run.faults }),
    verdict: verdictOf(invalid, thresholds, run.aborted),
    generator: {
      busy,
      cpuMs: Math.round(run.cpuMs),
      bytesRead: sumOf(uses, (use) => use.transport.bytesRead),
      bytesWritten: sumOf(uses, (use) => use.transport.bytesWritten),
      connectionsOpened: sumOf(uses, (use) => use.transport.connectionsOpened),
      resent: sumOf(uses, (use) => use.transport.resent),
    },
    timeline: { intervalMs: measurement.timeline.intervalMs, points: pointsOf(measurement) },
    histograms: { latency: all.latency.toJSON(), service: all.service.toJSON() },
  };
}

/** Messages that should have reached more connections than they did: failures of kind `lost`. */
function countLost({ definition }: Plan, measurement: Measurement): void {
  const { fanOut } = definition.sockets ?? {};
  if (fanOut === undefined) return;
  const named = (name: string): Series => measurement.seriesFor({ scenario: 'sockets', class: '', name });
  const delivery = named('delivery');
  const lost = named('message').sent * fanOut - delivery.answered - named('slow delivery').answered;
  if (lost <= 0) return;
  delivery.failed += lost;
  delivery.errors.set('lost', lost);
}

function verdictOf(invalid: readonly string[], thresholds: readonly ThresholdOutcome[], aborted: Threshold | undefined): Verdict {
  const broken = thresholds
    .filter((threshold) => !threshold.passed)
    .map(({ subject, expression, value }) =>
      value === undefined
        ? `${subject}: ${expression} cannot be judged, because nothing was measured`
        : `${subject}: ${expression} is broken, the value is ${Number(value.toPrecision(4))}`,
    );
  if (aborted) broken.unshift(`the run was ended early by ${aborted.subject}: ${aborted.expression}`);
  // A run that a threshold ended early missed its rate on purpose; what broke is the finding.
  const result: VerdictResult = aborted ? 'thresholds' : invalid.length > 0 ? 'invalid' : broken.length > 0 ? 'thresholds' : 'ok';
  return { result, exitCode: EXIT_CODES[result], reasons: [...invalid, ...broken] };
}

function groupBy(series: readonly Series[], keyOf: (series: Series) => string, run: RunResult): Record<string, LoadFigures> {
  const groups = new Map<string, Series[]>();
  for (const one of series) {
    const key = keyOf(one);
    if (key !== '') groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  return Object.fromEntries([...groups].map(([key, members]) => [key, figuresOf(members, run)]));
}

function figuresOf(series: readonly Series[], run: RunResult): LoadFigures {
  const seconds = Math.max(1, Math.min(run.durationMs, run.elapsedMs)) / 1000;
  const completed = sumOf(series, (one) => one.answered);
  const failed = sumOf(series, (one) => one.failed);
  const errors = addUp(series.map((one) => one.errors));
  const badAnswers = Object.entries(errors).reduce((sum, [kind, times]) => sum + (kind.startsWith('status ') ? times : 0), 0);
  return {
    sent: sumOf(series, (one) => one.sent),
    completed,
    failed,
    errorRate: failed / Math.max(1, completed + failed - badAnswers),
    errors,
    statuses: addUp(series.map((one) => one.statuses)),
    ratePerSecond: round(completed / seconds),
    goodputPerSecond: round((completed - badAnswers) / seconds),
    bodyBytes: sumOf(series, (one) => one.bodyBytes),
    latency: percentilesOf(mergedHistogram(series, 'latency')),
    service: percentilesOf(mergedHistogram(series, 'service')),
  };
}

function mergedHistogram(series: readonly Series[], which: 'latency' | 'service'): Histogram {
  const merged = new Histogram();
  for (const one of series) merged.merge(one[which]);
  return merged;
}

function pointsOf(measurement: Measurement): TimelinePoint[] {
  const { intervalMs, points } = measurement.timeline;
  return points.map((point, index) => {
    const { count } = point.latency;
    const ms = (q: number): number | null => (count === 0 ? null : point.latency.quantile(q) / 1000);
    return {
      atMs: index * intervalMs,
      sent: point.sent,
      answered: point.answered,
      failed: point.failed,
      peakInFlight: point.peakInFlight,
      p50: ms(0.5),
      p99: ms(0.99),
      max: ms(1),
      lagMs: round(point.maxLagMs),
      busy: round(point.busy),
    };
  });
}

function addUp(maps: readonly ReadonlyMap<string | number, number>[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const map of maps) for (const [key, times] of map) sums[String(key)] = (sums[String(key)] ?? 0) + times;
  return sums;
}

function sumOf<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
