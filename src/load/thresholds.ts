import { ConfigError, Histogram, nearestName, parseDuration, show, type Duration, type Problem } from '../kernel/index.ts';
import type { CheckCount, Measurement, Series, Tags } from './measurement.ts';

/** A bound a run must keep, in k6's grammar: `'p(99)<200'`, or with what to do when it breaks. */
export type ThresholdInput =
  | string
  | {
      readonly threshold: string;
      /** Ends the run as soon as the bound is broken. Default false. */
      readonly abortOnFail?: boolean;
      /** How long to collect before a broken bound may end the run. Default 0. */
      readonly delayAbortEval?: Duration;
    };

type ThresholdInputs = Readonly<Record<string, readonly ThresholdInput[]>>;

const METRICS = ['latency', 'service', 'lag', 'errors', 'checks', 'requests', 'iterations'] as const;
export type ThresholdMetric = (typeof METRICS)[number];

type Aggregation = 'avg' | 'min' | 'med' | 'max' | 'rate' | 'count' | 'p';

/** Which aggregations mean something for a metric. */
const ALLOWED: Record<ThresholdMetric, readonly Aggregation[]> = {
  latency: ['avg', 'min', 'med', 'max', 'p'],
  service: ['avg', 'min', 'med', 'max', 'p'],
  lag: ['avg', 'min', 'med', 'max', 'p'],
  errors: ['rate', 'count'],
  checks: ['rate', 'count'],
  requests: ['rate', 'count'],
  iterations: ['rate', 'count'],
};

export interface Threshold {
  /** As written: `latency{class:checkout}`. */
  readonly subject: string;
  readonly metric: ThresholdMetric;
  /** Only series with these tags; for checks `check` is a tag too. */
  readonly tags: Readonly<Record<string, string>>;
  /** As written: `p(99)<200`. */
  readonly expression: string;
  readonly aggregation: Aggregation;
  /** Of `p`: 0 to 1. */
  readonly quantile: number;
  readonly operator: keyof typeof OPERATORS;
  readonly bound: number;
  readonly abortOnFail: boolean;
  readonly delayAbortMs: number;
}

/** How a threshold came out. `value` is undefined when nothing was measured, and that does not pass. */
export interface ThresholdOutcome {
  readonly subject: string;
  readonly expression: string;
  readonly value: number | undefined;
  readonly passed: boolean;
}

const OPERATORS = {
  '<': (value: number, bound: number) => value < bound,
  '<=': (value: number, bound: number) => value <= bound,
  '>': (value: number, bound: number) => value > bound,
  '>=': (value: number, bound: number) => value >= bound,
  '==': (value: number, bound: number) => value === bound,
  '===': (value: number, bound: number) => value === bound,
  '!=': (value: number, bound: number) => value !== bound,
};

const SUBJECT = /^([a-z]+)(?:\{([^}]*)\})?$/;
const EXPRESSION = /^(avg|min|med|max|rate|count|p\((\d+(?:\.\d+)?)\))\s*(<=|>=|===|==|!=|<|>)\s*(-?\d+(?:\.\d+)?)$/;
const TAG_NAMES = ['scenario', 'class', 'name', 'check'];

/** Reads thresholds as users write them; every problem at once. */
export function parseThresholds(input: ThresholdInputs = {}): Threshold[] {
  const problems = thresholdProblems(input);
  if (problems.length > 0) throw new ConfigError('thresholds', problems);
  return parsedThresholds(input).filter((parsed): parsed is Threshold => !('problem' in parsed));
}

/** What is wrong with thresholds as users write them. */
export function thresholdProblems(input: ThresholdInputs = {}): Problem[] {
  return parsedThresholds(input).flatMap((parsed) =>
    'problem' in parsed ? { path: `thresholds['${parsed.subject}']`, message: parsed.problem, ...fixOf(parsed) } : [],
  );
}

function fixOf({ subject }: { readonly subject: string }): { fix?: string } {
  const metric = /^\w*/.exec(subject)![0];
  const near = nearestName(metric, METRICS);
  return near === undefined || near === metric ? {} : { fix: `did you mean '${subject.replace(metric, near)}'?` };
}

function parsedThresholds(input: ThresholdInputs): (Threshold | { subject: string; problem: string })[] {
  return Object.entries(input).flatMap(([subject, entries]) =>
    [entries].flat().map((entry) => {
      const parsed = parseThreshold(subject, entry);
      return 'problem' in parsed ? { subject, ...parsed } : parsed;
    }),
  );
}

function parseThreshold(subject: string, entry: ThresholdInput): Threshold | { problem: string } {
  const text = typeof entry === 'string' ? entry : entry.threshold;
  const [, metricName = '', tagText] = SUBJECT.exec(subject.trim()) ?? [];
  const metric = METRICS.find((name) => name === metricName);
  if (!metric) return { problem: `${show(subject)} is not one of ${METRICS.join(', ')}, with or without {tag:value}` };
  const tags = parseTags(tagText);
  if (!tags) return { problem: `${show(tagText)}: tags are ${TAG_NAMES.join(', ')}, as in {scenario:browse,class:critical}` };
  const match = EXPRESSION.exec(text.trim());
  if (!match)
    return { problem: `${show(text)} is not an expression such as 'p(99)<200', 'avg<100', 'rate<0.001' or 'count>1000'` };
  const aggregation = (match[2] === undefined ? match[1] : 'p') as Aggregation;
  if (!ALLOWED[metric].includes(aggregation)) {
    return {
      problem: `${metric} has no '${aggregation}'; it has ${ALLOWED[metric].map((name) => (name === 'p' ? 'p(N)' : name)).join(', ')}`,
    };
  }
  const quantile = Number(match[2] ?? 50) / 100;
  if (quantile > 1) return { problem: `${show(text)}: a percentile is at most 100` };
  const options = typeof entry === 'string' ? { threshold: entry } : entry;
  const delayAbortMs = parseDuration(options.delayAbortEval ?? 0);
  if (delayAbortMs === undefined)
    return { problem: `delayAbortEval ${show(options.delayAbortEval)} is not a duration such as '10s'` };
  const operator = match[3] as keyof typeof OPERATORS;
  const expression = text.trim();
  const abortOnFail = options.abortOnFail ?? false;
  return {
    subject: subject.trim(),
    metric,
    tags,
    expression,
    aggregation,
    quantile,
    operator,
    bound: Number(match[4]),
    abortOnFail,
    delayAbortMs,
  };
}

function parseTags(text: string | undefined): Record<string, string> | undefined {
  const tags: Record<string, string> = {};
  for (const part of (text ?? '').split(',').filter((part) => part.trim() !== '')) {
    const colon = part.indexOf(':');
    const name = part.slice(0, colon).trim();
    if (colon < 1 || !TAG_NAMES.includes(name)) return undefined;
    tags[name] = part.slice(colon + 1).trim();
  }
  return tags;
}

/** Holds a run, finished or not, to its thresholds. */
export function evaluateThresholds(
  thresholds: readonly Threshold[],
  measurement: Measurement,
  elapsedMs: number,
): ThresholdOutcome[] {
  return thresholds.map((threshold) => {
    const value = valueOf(threshold, measurement, elapsedMs);
    const passed = value !== undefined && OPERATORS[threshold.operator](value, threshold.bound);
    return { subject: threshold.subject, expression: threshold.expression, value, passed };
  });
}

/** The first threshold that is broken and says that the run shall end then. */
export function abortingThreshold(
  thresholds: readonly Threshold[],
  measurement: Measurement,
  elapsedMs: number,
): Threshold | undefined {
  return thresholds.find((threshold) => {
    if (!threshold.abortOnFail || elapsedMs < threshold.delayAbortMs) return false;
    const value = valueOf(threshold, measurement, elapsedMs);
    return value !== undefined && !OPERATORS[threshold.operator](value, threshold.bound);
  });
}

function valueOf(threshold: Threshold, measurement: Measurement, elapsedMs: number): number | undefined {
  const { metric, aggregation, tags } = threshold;
  if (metric === 'lag') return trend(threshold, [measurement.lag]);
  if (metric === 'checks')
    return checkValue(
      aggregation,
      [...measurement.checks].filter((check) => checkMatches(check, tags)),
    );
  if (metric === 'iterations') return perRun(aggregation, measurement.iterations, elapsedMs);
  const series = [...measurement.series].filter((one) => matches(one.tags, tags));
  if (metric === 'latency')
    return trend(
      threshold,
      series.map((one) => one.latency),
    );
  if (metric === 'service')
    return trend(
      threshold,
      series.map((one) => one.service),
    );
  if (metric === 'requests')
    return perRun(
      aggregation,
      sum(series, (one) => one.answered),
      elapsedMs,
    );
  const failed = sum(series, (one) => one.failed);
  const ended = sum(series, (one) => one.answered) + sum(series, unanswered);
  if (aggregation === 'count') return failed;
  return ended === 0 ? undefined : failed / ended;
}

/** Requests that failed without an answer: those whose error is not a status. */
function unanswered(series: Series): number {
  let total = 0;
  for (const [kind, times] of series.errors) if (!kind.startsWith('status ')) total += times;
  return total;
}

function trend({ aggregation, quantile }: Threshold, histograms: readonly Histogram[]): number | undefined {
  const all = new Histogram();
  for (const histogram of histograms) all.merge(histogram);
  if (all.count === 0) return undefined;
  if (aggregation === 'avg') return all.mean / 1000;
  if (aggregation === 'min') return all.min / 1000;
  if (aggregation === 'max') return all.max / 1000;
  return all.quantile(aggregation === 'med' ? 0.5 : quantile) / 1000;
}

function perRun(aggregation: Aggregation, total: number, elapsedMs: number): number | undefined {
  if (aggregation === 'count') return total;
  return elapsedMs > 0 ? total / (elapsedMs / 1000) : undefined;
}

function checkValue(aggregation: Aggregation, checks: readonly CheckCount[]): number | undefined {
  const passed = sum(checks, (check) => check.passed);
  const all = passed + sum(checks, (check) => check.failed);
  if (aggregation === 'count') return passed;
  return all === 0 ? undefined : passed / all;
}

function matches(tags: Tags, wanted: Readonly<Record<string, string>>): boolean {
  return Object.entries(wanted).every(([name, value]) => tags[name as keyof Tags] === value);
}

function checkMatches(check: CheckCount, wanted: Readonly<Record<string, string>>): boolean {
  return (wanted['check'] ?? check.name) === check.name && (wanted['scenario'] ?? check.scenario) === check.scenario;
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}
