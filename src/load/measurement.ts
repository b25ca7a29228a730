import { Histogram, messageOf, type HistogramData } from '../kernel/index.ts';
import type { Timeline, TimelineData } from './timeline.ts';
import type { Fault } from './transport.ts';

/** What a request is told apart by in thresholds and reports. */
export interface Tags {
  readonly scenario: string;
  /** Route class, where the scenario or the policy names one; otherwise empty. */
  readonly class: string;
  /** The request's name, where the scenario gives one; otherwise empty. */
  readonly name: string;
}

/** Most different tag sets that are told apart; the rest counts together under the name `other`. */
const MAX_SERIES = 100;
/** Most checks that are told apart. */
const MAX_CHECKS = 100;
/** Statuses have three digits. */
const STATUSES = 1000;
/** How many different errors of scenarios are kept to be shown. */
const MAX_SCRIPT_ERRORS = 10;

export interface SeriesData {
  readonly tags: Tags;
  readonly sent: number;
  readonly answered: number;
  readonly failed: number;
  readonly bodyBytes: number;
  /** Failures by kind: a {@link Fault}, `status 503`, or `script`. */
  readonly errors: Readonly<Record<string, number>>;
  readonly statuses: Readonly<Record<string, number>>;
  readonly latency: HistogramData;
  readonly service: HistogramData;
}

/** Everything counted about requests with the same tags. Times are kept in microseconds. */
export class Series {
  readonly tags: Tags;
  sent = 0;
  answered = 0;
  failed = 0;
  bodyBytes = 0;
  readonly errors = new Map<string, number>();
  /** How many answers had each status. An array: a map's two look-ups for every answer could be measured. */
  readonly #statuses = new Float64Array(STATUSES);
  /** From the intended time to the answer's last byte; of requests that got none, their age when they were given up. */
  readonly latency = new Histogram();
  /** From the write to the answer's last byte. */
  readonly service = new Histogram();

  constructor(tags: Tags) {
    this.tags = tags;
  }

  /** How many answers had each status that came. */
  get statuses(): Map<number, number> {
    return new Map([...this.#statuses.entries()].filter(([, times]) => times > 0));
  }

  answeredWith(status: number): void {
    this.answered++;
    this.#statuses[status]! += 1;
  }

  merge(data: SeriesData): void {
    this.sent += data.sent;
    this.answered += data.answered;
    this.failed += data.failed;
    this.bodyBytes += data.bodyBytes;
    for (const [kind, times] of Object.entries(data.errors)) add(this.errors, kind, times);
    for (const [status, times] of Object.entries(data.statuses)) this.#statuses[Number(status)]! += times;
    this.latency.merge(Histogram.fromJSON(data.latency));
    this.service.merge(Histogram.fromJSON(data.service));
  }

  toJSON(): SeriesData {
    return {
      tags: this.tags,
      sent: this.sent,
      answered: this.answered,
      failed: this.failed,
      bodyBytes: this.bodyBytes,
      errors: Object.fromEntries(this.errors),
      statuses: Object.fromEntries(this.statuses),
      latency: this.latency.toJSON(),
      service: this.service.toJSON(),
    };
  }
}

export interface CheckCount {
  readonly name: string;
  readonly scenario: string;
  passed: number;
  failed: number;
}

/** A whole run's measurements as plain data, for the primary or a file. */
export interface MeasurementData {
  readonly planned: number;
  readonly missed: number;
  readonly punctual: number;
  readonly iterations: number;
  readonly peakInFlight: number;
  readonly lag: HistogramData;
  readonly series: readonly SeriesData[];
  readonly checks: readonly CheckCount[];
  readonly scriptErrors: readonly string[];
  readonly timeline: TimelineData;
}

/** Faults of which the wait itself is a lower bound of the latency; the others say nothing about time. */
const WAITED: ReadonlySet<Fault> = new Set(['timeout', 'late', 'unfinished']);

/** Collects what one process measures. Its size does not depend on how many requests there are. */
export class Measurement {
  /** Arrivals that fell due, or iterations that users began. */
  planned = 0;
  /** Arrivals that never began, because every connection or user was busy until they were given up. */
  missed = 0;
  /** Arrivals that began before the planned end, or soon after. */
  punctual = 0;
  /** Iterations of scenarios that ran to their end. */
  iterations = 0;
  inFlight = 0;
  peakInFlight = 0;
  /** How late requests left although a connection was free: the generator's own failing, in microseconds. */
  readonly lag = new Histogram();
  readonly timeline: Timeline;
  readonly #series = new Map<string, Series>();
  readonly #checks = new Map<string, CheckCount>();
  readonly #scriptErrors = new Set<string>();

  constructor(timeline: Timeline) {
    this.timeline = timeline;
  }

  get series(): Iterable<Series> {
    return this.#series.values();
  }

  /** The first few different errors scenarios threw. */
  get scriptErrors(): Iterable<string> {
    return this.#scriptErrors;
  }

  get checks(): Iterable<CheckCount> {
    return this.#checks.values();
  }

  /** The series for `tags`; keep it where it is needed often. */
  seriesFor(tags: Tags): Series {
    const key = `${tags.scenario}\0${tags.class}\0${tags.name}`;
    const existing = this.#series.get(key);
    if (existing) return existing;
    if (this.#series.size >= MAX_SERIES && tags.name !== 'other') return this.seriesFor({ ...tags, class: '', name: 'other' });
    const series = new Series(tags);
    this.#series.set(key, series);
    return series;
  }

  /** A request was taken up (sent or made to wait for a connection). */
  began(atMs: number): void {
    this.inFlight++;
    if (this.inFlight > this.peakInFlight) this.peakInFlight = this.inFlight;
    const point = this.timeline.at(atMs);
    if (this.inFlight > point.peakInFlight) point.peakInFlight = this.inFlight;
  }

  /** A request left, `lagMs` after it could have. */
  sent(series: Series, lagMs: number, atMs: number): void {
    series.sent++;
    this.lag.record(lagMs * 1000);
    const point = this.timeline.at(atMs);
    point.sent++;
    if (lagMs > point.maxLagMs) point.maxLagMs = lagMs;
  }

  /** An answer came. `error`: what kind of failure its status is, if one. Times in ms. */
  answered(
    series: Series,
    status: number,
    error: string | undefined,
    bodyBytes: number,
    latencyMs: number,
    serviceMs: number,
    atMs: number,
  ): void {
    this.inFlight--;
    series.answeredWith(status);
    series.bodyBytes += bodyBytes;
    series.latency.record(latencyMs * 1000);
    series.service.record(serviceMs * 1000);
    const point = this.timeline.at(atMs);
    point.answered++;
    // Where it was due, not where it ended: a stall then shows as what users met, one after another.
    this.timeline.at(atMs - latencyMs).latency.record(latencyMs * 1000);
    if (error !== undefined) {
      series.failed++;
      point.failed++;
      add(series.errors, error, 1);
    }
  }

  /** A connection that stays was asked for. It is in flight until {@link failed} says that it is gone. */
  opened(atMs: number): void {
    this.began(atMs);
  }

  /** Something that is not a request took this long: a connection to open, a message to arrive. */
  took(series: Series, latencyMs: number, serviceMs: number, atMs: number): void {
    series.answered++;
    series.latency.record(latencyMs * 1000);
    series.service.record(serviceMs * 1000);
    this.timeline.at(atMs).answered++;
    this.timeline.at(atMs - latencyMs).latency.record(latencyMs * 1000);
  }

  /** No answer came. `ageMs`: how long it had been due. */
  failed(series: Series, fault: Fault, ageMs: number, atMs: number): void {
    this.inFlight--;
    series.failed++;
    add(series.errors, fault, 1);
    const point = this.timeline.at(atMs);
    point.failed++;
    if (!WAITED.has(fault)) return;
    series.latency.record(ageMs * 1000);
    this.timeline.at(atMs - ageMs).latency.record(ageMs * 1000);
  }

  /** A scenario's own code threw. */
  scriptFailed(series: Series, atMs: number, error: unknown): void {
    series.failed++;
    add(series.errors, 'script', 1);
    this.timeline.at(atMs).failed++;
    if (this.#scriptErrors.size < MAX_SCRIPT_ERRORS) this.#scriptErrors.add(`${series.tags.scenario}: ${messageOf(error)}`);
  }

  check(scenario: string, name: string, passed: boolean): void {
    const count = this.#checkFor(scenario, name);
    if (passed) count.passed++;
    else count.failed++;
  }

  #checkFor(scenario: string, name: string): CheckCount {
    const key = `${scenario}\0${name}`;
    const existing = this.#checks.get(key);
    if (existing) return existing;
    if (this.#checks.size >= MAX_CHECKS && name !== 'other') return this.#checkFor(scenario, 'other');
    const count = { name, scenario, passed: 0, failed: 0 };
    this.#checks.set(key, count);
    return count;
  }

  merge(data: MeasurementData): void {
    this.planned += data.planned;
    this.missed += data.missed;
    this.punctual += data.punctual;
    this.iterations += data.iterations;
    this.peakInFlight += data.peakInFlight;
    this.lag.merge(Histogram.fromJSON(data.lag));
    for (const series of data.series) this.seriesFor(series.tags).merge(series);
    for (const { scenario, name, passed, failed } of data.checks) {
      const count = this.#checkFor(scenario, name);
      count.passed += passed;
      count.failed += failed;
    }
    for (const error of data.scriptErrors) if (this.#scriptErrors.size < MAX_SCRIPT_ERRORS) this.#scriptErrors.add(error);
    this.timeline.merge(data.timeline);
  }

  /** Everything as plain data; `timeline: false` leaves the timeline empty, for what is sent while the run goes on. */
  toJSON(parts: { readonly timeline?: boolean } = {}): MeasurementData {
    const { timeline } = this;
    return {
      planned: this.planned,
      missed: this.missed,
      punctual: this.punctual,
      iterations: this.iterations,
      peakInFlight: this.peakInFlight,
      lag: this.lag.toJSON(),
      series: [...this.#series.values()].map((series) => series.toJSON()),
      checks: [...this.#checks.values()],
      scriptErrors: [...this.#scriptErrors],
      timeline: parts.timeline === false ? { intervalMs: timeline.intervalMs, points: [] } : timeline.toJSON(),
    };
  }
}

function add<Key>(counts: Map<Key, number>, key: Key, times: number): void {
  counts.set(key, (counts.get(key) ?? 0) + times);
}
