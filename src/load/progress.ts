import { Histogram } from '../kernel/index.ts';
import type { LoadProgress } from './events.ts';
import type { Measurement } from './measurement.ts';

/** How far back `recent` looks, at least, ms. */
const RECENT_MS = 1000;

/** Where the run stands, from what has been measured so far. */
export function progressOf(measurement: Measurement, elapsedMs: number, durationMs: number): LoadProgress {
  let [sent, answered, failed] = [0, 0, 0];
  for (const series of measurement.series) {
    sent += series.sent;
    answered += series.answered;
    failed += series.failed;
  }
  const { planned, inFlight } = measurement;
  return { elapsedMs, durationMs, planned, sent, answered, failed, inFlight, recent: recentOf(measurement, elapsedMs) };
}

function recentOf({ timeline }: Measurement, elapsedMs: number): LoadProgress['recent'] {
  const { intervalMs, points } = timeline;
  // The interval under way is left out: it is not full yet.
  const end = Math.max(1, Math.floor(elapsedMs / intervalMs));
  const start = Math.max(0, end - Math.ceil(RECENT_MS / intervalMs));
  const recent = points.slice(start, end);
  const latency = new Histogram(5);
  for (const point of recent) latency.merge(point.latency);
  const answered = recent.reduce((sum, point) => sum + point.answered, 0);
  const at = (q: number): number | null => (latency.count === 0 ? null : latency.quantile(q) / 1000);
  return {
    ratePerSecond: answered / (((end - start) * intervalMs) / 1000),
    p50: at(0.5),
    p99: at(0.99),
    lagMs: Math.max(0, ...recent.map((point) => point.maxLagMs)),
    busy: Math.max(0, ...recent.map((point) => point.busy)),
  };
}
