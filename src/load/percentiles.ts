import type { Histogram } from '../kernel/index.ts';

/** Times in ms. A percentile is null where too few values lie beyond it to speak of it: fewer than ten. */
export interface Percentiles {
  readonly count: number;
  readonly mean: number | null;
  readonly min: number | null;
  readonly p50: number | null;
  readonly p90: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
  readonly p999: number | null;
  readonly max: number | null;
  /** Where the true p99 lies with 95 % confidence; null where p99 is. */
  readonly p99Interval: readonly [number, number] | null;
}

/** Values beyond a percentile that it takes to report it. */
const ENOUGH = 10;

/** The percentiles of a histogram of microseconds that its sample supports. */
export function percentilesOf(histogram: Histogram): Percentiles {
  const at = (q: number): number | null => (supports(histogram.count, q) ? ms(histogram.quantile(q)) : null);
  const some = histogram.count > 0;
  return {
    count: histogram.count,
    mean: some ? ms(histogram.mean) : null,
    min: some ? ms(histogram.min) : null,
    p50: at(0.5),
    p90: at(0.9),
    p95: at(0.95),
    p99: at(0.99),
    p999: at(0.999),
    max: some ? ms(histogram.max) : null,
    p99Interval: supports(histogram.count, 0.99) ? quantileInterval(histogram, 0.99) : null,
  };
}

/** Whether at least ten of `count` values lie beyond the quantile. */
export function supports(count: number, q: number): boolean {
  return count * (1 - q) >= ENOUGH - 1e-9;
}

/** The 95 % confidence interval of a quantile, from the order statistics nq ± 1.96 √(nq(1 − q)); ms. */
export function quantileInterval(histogram: Histogram, q: number): [number, number] {
  const spread = (1.96 * Math.sqrt(histogram.count * q * (1 - q))) / histogram.count;
  return [ms(histogram.quantile(Math.max(0, q - spread))), ms(histogram.quantile(Math.min(1, q + spread)))];
}

function ms(microseconds: number): number {
  return Math.round(microseconds) / 1000;
}
