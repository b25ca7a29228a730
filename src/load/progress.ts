import { Histogram, type HistogramData } from '../kernel/index.ts';
import type { LoadProgress } from './events.ts';
import type { Measurement } from './measurement.ts';

/** How far back `recent` looks, at least, ms. */
const RECENT_MS = 1000;

/** What one process contributes to the progress of a run. Plain data. */
export interface ProgressSample {
  readonly planned: number;
  readonly sent: number;
  readonly answered: number;
  readonly failed: number;
  readonly inFlight: number;
  /** Length of the stretch the recent figures are of, ms. */
  readonly recentMs: number;
  readonly recentAnswered: number;
  readonly recentLatency: HistogramData;
  readonly recentLagMs: number;
  readonly recentBusy: number;
}

/** Where a process stands, from what it has measured so far. */
export function sampleProgress(measurement: Measurement, elapsedMs: number): ProgressSample {
  let [sent, answered, failed] = [0, 0, 0];
  for (const series of measurement.series) {
    sent += series.sent;
    answered += series.answered;
    failed += series.failed;
  }
  const { intervalMs, points } = measurement.timeline;
  // The interval under way is left out: it is not full yet.
  const end = Math.max(1, Math.floor(elapsedMs / intervalMs));
  const start = Math.max(0, end - Math.ceil(RECENT_MS / intervalMs));
  const recent = points.slice(start, end);
  const latency = new Histogram(5);
  for (const point of recent) latency.merge(point.latency);
  return {
    planned: measurement.planned,
    sent,
    answered,
    failed,
    inFlight: measurement.inFlight,
    recentMs: (end - start) * intervalMs,
    recentAnswered: recent.reduce((sum, point) => sum + point.answered, 0),
    recentLatency: latency.toJSON(),
    recentLagMs: Math.max(0, ...recent.map((point) => point.maxLagMs)),
    recentBusy: Math.max(0, ...recent.map((point) => point.busy)),
  };
}

/** The samples of all processes as the progress of the run. */
export function progressOf(samples: readonly ProgressSample[], elapsedMs: number, durationMs: number): LoadProgress {
  const sum = (of: (sample: ProgressSample) => number): number => samples.reduce((total, sample) => total + of(sample), 0);
  const most = (of: (sample: ProgressSample) => number): number => Math.max(0, ...samples.map(of));
  const latency = new Histogram(5);
  for (const sample of samples) latency.merge(Histogram.fromJSON(sample.recentLatency));
  const at = (q: number): number | null => (latency.count === 0 ? null : latency.quantile(q) / 1000);
  return {
    elapsedMs,
    durationMs,
    planned: sum((sample) => sample.planned),
    sent: sum((sample) => sample.sent),
    answered: sum((sample) => sample.answered),
    failed: sum((sample) => sample.failed),
    inFlight: sum((sample) => sample.inFlight),
    recent: {
      ratePerSecond:
        sum((sample) => sample.recentAnswered) /
        (Math.max(
          1,
          most((sample) => sample.recentMs),
        ) /
          1000),
      p50: at(0.5),
      p99: at(0.99),
      lagMs: most((sample) => sample.recentLagMs),
      busy: most((sample) => sample.recentBusy),
    },
  };
}
