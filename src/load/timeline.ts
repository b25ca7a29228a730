import { Histogram, type HistogramData } from '../kernel/index.ts';

/** Precision of a point's latencies: 3 % is enough for a curve, and a point stays at 7 kB. */
const POINT_BITS = 5;
/** Most points a run of any length has. */
const MAX_POINTS = 400;
const INTERVALS_MS = [250, 500, 1000, 2000, 5000, 10_000, 30_000, 60_000, 300_000, 600_000];

/** What happened in one interval of the run. */
export interface Point {
  sent: number;
  answered: number;
  failed: number;
  /** Most requests in flight or waiting at once. */
  peakInFlight: number;
  maxLagMs: number;
  /** Share of the interval the generator's event loop was busy, 0 to 1; the highest of all workers. */
  busy: number;
  /** Of the requests that were due in the interval, from their intended time; microseconds. */
  readonly latency: Histogram;
}

export interface TimelineData {
  readonly intervalMs: number;
  readonly points: readonly (Omit<Point, 'latency'> & { readonly latency: HistogramData })[];
}

/** The run cut into equal intervals, each with its own small histogram; as many as the run's length needs, at most 400. */
export class Timeline {
  readonly intervalMs: number;
  readonly points: Point[] = [];
  readonly #limit: number;

  /** @param durationMs how long the run is planned to last; what comes after it counts in at most a tenth more points. */
  constructor(durationMs: number, intervalMs = intervalFor(durationMs)) {
    this.intervalMs = intervalMs;
    this.#limit = Math.ceil((durationMs / intervalMs) * 1.1) + 4;
  }

  /** The point that `atMs` into the run falls in. */
  at(atMs: number): Point {
    const index = Math.min(this.#limit - 1, Math.max(0, Math.floor(atMs / this.intervalMs)));
    while (this.points.length <= index) this.points.push(emptyPoint());
    return this.points[index]!;
  }

  merge(other: TimelineData): void {
    for (const [index, from] of other.points.entries()) {
      const into = this.at(index * this.intervalMs);
      into.sent += from.sent;
      into.answered += from.answered;
      into.failed += from.failed;
      into.peakInFlight += from.peakInFlight;
      into.maxLagMs = Math.max(into.maxLagMs, from.maxLagMs);
      into.busy = Math.max(into.busy, from.busy);
      into.latency.merge(Histogram.fromJSON(from.latency));
    }
  }

  toJSON(): TimelineData {
    return {
      intervalMs: this.intervalMs,
      points: this.points.map((point) => ({ ...point, latency: point.latency.toJSON() })),
    };
  }
}

function emptyPoint(): Point {
  return { sent: 0, answered: 0, failed: 0, peakInFlight: 0, maxLagMs: 0, busy: 0, latency: new Histogram(POINT_BITS) };
}

function intervalFor(durationMs: number): number {
  return INTERVALS_MS.find((interval) => durationMs / interval <= MAX_POINTS) ?? durationMs / MAX_POINTS;
}
