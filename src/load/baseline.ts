import { SpillwayError } from '../kernel/index.ts';
import { EXIT_CODES, type Comparison, type LoadReport, type TimelinePoint } from './report.ts';

/** A run may be this much slower before it counts, however sure it is. */
export const DEFAULT_TOLERANCE = 0.05;
/** How sure it must be that a difference is not chance. */
const SIGNIFICANCE = 0.01;
/** Intervals with fewer answers say nothing about percentiles. */
const ENOUGH_ANSWERS = 20;
const ENOUGH_INTERVALS = 8;
/** A difference below this is beneath what the clock and the scheduler are good for, ms. */
const LEAST_DIFFERENCE_MS = 0.25;

/**
 * Compares a run with an earlier one. What is compared are the intervals of the two runs, by rank (Mann–Whitney): the
 * requests of one interval share its luck, so they are one observation and not thousands; and neighbouring intervals
 * that resemble each other count for less (their correlation shrinks the sample).
 *
 * @param tolerance share by which the run may be worse.
 */
export function compareWithBaseline(report: LoadReport, baseline: LoadReport, tolerance = DEFAULT_TOLERANCE): Comparison[] {
  if (baseline.version !== 1) throw new SpillwayError('SPILLWAY_LOAD_SCENARIO', 'The baseline is not a report of spillway load.');
  const comparisons = [
    compareLatency('p50', report, baseline, tolerance, (point) => point.p50),
    compareLatency('p99', report, baseline, tolerance, (point) => point.p99),
    compareErrors(report, baseline),
  ];
  if (report.model === 'closed' && baseline.model === 'closed') comparisons.push(compareRate(report, baseline, tolerance));
  return comparisons;
}

/** The report with its comparison to an earlier one; a regression is part of the verdict. */
export function withBaseline(report: LoadReport, baseline: LoadReport, tolerance?: number): LoadReport {
  const comparisons = compareWithBaseline(report, baseline, tolerance);
  const worse = comparisons.filter((one) => one.regression);
  if (worse.length === 0) return { ...report, comparisons };
  const reasons = worse.map(
    ({ subject, before, after, pValue }) =>
      `${subject} is worse than the baseline: ${Number(after.toPrecision(4))}, and was ${Number(before.toPrecision(4))} (chance ${pValue < 0.0001 ? 'below 0.0001' : pValue.toFixed(4)})`,
  );
  const result = report.verdict.result === 'ok' ? 'regression' : report.verdict.result;
  return {
    ...report,
    comparisons,
    verdict: { result, exitCode: EXIT_CODES[result], reasons: [...report.verdict.reasons, ...reasons] },
  };
}

function compareLatency(
  subject: 'p50' | 'p99',
  report: LoadReport,
  baseline: LoadReport,
  tolerance: number,
  of: (point: TimelinePoint) => number | null,
): Comparison {
  const [after, before] = [intervals(report, of), intervals(baseline, of)];
  const [nowMs, thenMs] = [report.latency[subject] ?? median(after), baseline.latency[subject] ?? median(before)];
  const pValue = chanceOfLarger(after, before);
  const worse =
    nowMs > thenMs * (1 + tolerance) && median(after) > median(before) * (1 + tolerance) && nowMs - thenMs > LEAST_DIFFERENCE_MS;
  return {
    subject,
    before: thenMs,
    after: nowMs,
    change: change(thenMs, nowMs),
    pValue,
    regression: worse && pValue < SIGNIFICANCE,
  };
}

function compareRate(report: LoadReport, baseline: LoadReport, tolerance: number): Comparison {
  const perSecond = ({ timeline }: LoadReport): number[] =>
    timeline.points.slice(1, -1).map((point) => point.answered / (timeline.intervalMs / 1000));
  const [after, before] = [perSecond(report), perSecond(baseline)];
  const pValue = chanceOfLarger(before, after);
  const worse = report.ratePerSecond < baseline.ratePerSecond * (1 - tolerance);
  return {
    subject: 'answers a second',
    before: baseline.ratePerSecond,
    after: report.ratePerSecond,
    change: change(baseline.ratePerSecond, report.ratePerSecond),
    pValue,
    regression: worse && pValue < SIGNIFICANCE,
  };
}

/** Two shares by their pooled normal approximation; one failure more in a thousand is the least that counts. */
function compareErrors(report: LoadReport, baseline: LoadReport): Comparison {
  const ended = ({ failed, errorRate, completed }: LoadReport): number =>
    failed > 0 ? failed / errorRate : Math.max(1, completed);
  const [n1, n0] = [ended(report), ended(baseline)];
  const [after, before] = [report.errorRate, baseline.errorRate];
  const pooled = (report.failed + baseline.failed) / (n1 + n0);
  const spread = Math.sqrt(pooled * (1 - pooled) * (1 / n1 + 1 / n0));
  const pValue = spread === 0 ? 1 : upperTail((after - before) / spread);
  const regression = after - before > 0.001 && pValue < SIGNIFICANCE;
  return { subject: 'error rate', before, after, change: after - before, pValue, regression };
}

function intervals({ timeline }: LoadReport, of: (point: TimelinePoint) => number | null): number[] {
  return timeline.points.flatMap((point) => {
    const value = point.answered >= ENOUGH_ANSWERS ? of(point) : null;
    return value === null ? [] : [value];
  });
}

/** Mann–Whitney, one-sided: the chance of `larger` ranking so high above `smaller` were they the same. */
function chanceOfLarger(larger: readonly number[], smaller: readonly number[]): number {
  const [n1, n2] = [larger.length, smaller.length];
  if (n1 < ENOUGH_INTERVALS || n2 < ENOUGH_INTERVALS) return 1;
  const all = [...larger.map((value) => ({ value, first: true })), ...smaller.map((value) => ({ value, first: false }))].toSorted(
    (a, b) => a.value - b.value,
  );
  let rankSum = 0;
  let ties = 0;
  for (let start = 0; start < all.length;) {
    let end = start;
    while (end < all.length && all[end]!.value === all[start]!.value) end++;
    const rank = (start + 1 + end) / 2;
    for (let at = start; at < end; at++) if (all[at]!.first) rankSum += rank;
    ties += (end - start) ** 3 - (end - start);
    start = end;
  }
  const n = n1 + n2;
  const u = rankSum - (n1 * (n1 + 1)) / 2;
  const variance = ((n1 * n2) / 12) * (n + 1 - ties / (n * (n - 1)));
  if (variance === 0) return 1;
  const independent = Math.min(independentShare(larger), independentShare(smaller));
  return upperTail(((u - (n1 * n2) / 2 - 0.5) / Math.sqrt(variance)) * Math.sqrt(independent));
}

/** How much of a series' length counts, its neighbours resembling each other: (1 − ρ) / (1 + ρ). */
function independentShare(values: readonly number[]): number {
  const ranks = ranksOf(values);
  const mean = (values.length + 1) / 2;
  let [product, square] = [0, 0];
  for (let at = 0; at < ranks.length; at++) {
    square += (ranks[at]! - mean) ** 2;
    if (at > 0) product += (ranks[at]! - mean) * (ranks[at - 1]! - mean);
  }
  const correlation = square === 0 ? 0 : Math.min(0.95, Math.max(0, product / square));
  return (1 - correlation) / (1 + correlation);
}

function ranksOf(values: readonly number[]): number[] {
  const order = values.map((value, at) => ({ value, at })).toSorted((a, b) => a.value - b.value);
  const ranks = new Array<number>(values.length);
  for (const [rank, { at }] of order.entries()) ranks[at] = rank + 1;
  return ranks;
}

/** The chance of a standard normal value above z (Abramowitz and Stegun, 26.2.17; error below 1e-7). */
function upperTail(z: number): number {
  if (z < 0) return 1 - upperTail(-z);
  const t = 1 / (1 + 0.2316419 * z);
  const series = t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  return (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) * series;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >>> 1] ?? 0;
}

function change(before: number, after: number): number {
  return before === 0 ? (after === 0 ? 0 : Infinity) : after / before - 1;
}
