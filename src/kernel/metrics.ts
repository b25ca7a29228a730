import { Histogram, type HistogramData } from './histogram.ts';

export type Labels = Readonly<Record<string, string>>;

/** What a metric is, in Prometheus' words. `name` is its OpenMetrics name without a `_total` suffix. */
export interface MetricInfo {
  readonly name: string;
  readonly help: string;
  /** Base unit, as OpenMetrics has it: `seconds`, `bytes`, `ratio`. Part of the name too. */
  readonly unit?: string;
  readonly labels?: readonly string[];
}

export interface Counter {
  inc(by?: number): void;
  readonly value: number;
}

export interface Gauge {
  set(value: number): void;
  add(by: number): void;
  readonly value: number;
}

/** Times in ms go in; seconds come out, as Prometheus wants them. */
export interface Timing {
  observe(ms: number): void;
  /** The value in ms that a share `q` of all observations does not exceed. */
  quantile(q: number): number;
  readonly count: number;
}

/** A metric with its series: one per combination of label values, created once and kept by the caller. */
export interface Family<Series> {
  readonly info: MetricInfo;
  series(labels?: Labels): Series;
}

export type MetricKind = 'counter' | 'gauge' | 'timing';

/** Every series of a registry as plain data, for another process or for text. */
export interface MetricsSnapshot {
  readonly families: readonly FamilySnapshot[];
}
export interface FamilySnapshot extends MetricInfo {
  readonly kind: MetricKind;
  readonly series: readonly SeriesSnapshot[];
}
export interface SeriesSnapshot {
  readonly labels: Labels;
  /** Counters and gauges. */
  readonly value?: number;
  /** Timings: in microseconds, 5 bits. */
  readonly histogram?: HistogramData;
  /** Timings: exact counts per upper bound of {@link TIMING_BUCKETS_MS}, the last one for all above. */
  readonly buckets?: readonly number[];
}

/** OpenTelemetry's boundaries for `http.server.request.duration`, in ms. */
export const TIMING_BUCKETS_MS = [5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10_000] as const;

const OTHER = 'other';

/**
 * Where rooms count. A series is bound once (`family.series({ class: 'critical' })`) and then costs an addition, so
 * counting on the hot path is free of lookups. A family holds at most `maxSeries` series; what comes after is counted
 * under the label value `other`, so no request can make memory grow.
 */
export class Metrics {
  readonly #families = new Map<string, MetricFamily<unknown>>();
  readonly #collectors: (() => void)[] = [];
  readonly #maxSeries: number;

  constructor(maxSeries = 1000) {
    this.#maxSeries = maxSeries;
  }

  counter(info: MetricInfo): Family<Counter> {
    return this.#family('counter', info, () => new CounterSeries());
  }

  gauge(info: MetricInfo): Family<Gauge> {
    return this.#family('gauge', info, () => new GaugeSeries());
  }

  timing(info: MetricInfo): Family<Timing> {
    return this.#family('timing', info, () => new TimingSeries());
  }

  /** Calls `collect` before each snapshot, to set gauges that are read rather than counted. */
  onCollect(collect: () => void): void {
    this.#collectors.push(collect);
  }

  snapshot(): MetricsSnapshot {
    for (const collect of this.#collectors) collect();
    return { families: [...this.#families.values()].map((family) => family.snapshot()) };
  }

  #family<Series extends SeriesData>(kind: MetricKind, info: MetricInfo, create: () => Series): MetricFamily<Series> {
    const existing = this.#families.get(info.name);
    if (existing && existing.kind !== kind) throw new Error(`metric ${info.name} is a ${existing.kind} already`);
    if (existing) return existing as MetricFamily<Series>;
    const family = new MetricFamily(kind, info, create, this.#maxSeries);
    this.#families.set(info.name, family as MetricFamily<unknown>);
    return family;
  }
}

type SeriesData = { data(): Omit<SeriesSnapshot, 'labels'> };

class MetricFamily<Series> implements Family<Series> {
  readonly kind: MetricKind;
  readonly info: MetricInfo;
  readonly #create: () => Series;
  readonly #maxSeries: number;
  readonly #series = new Map<string, { labels: Labels; series: Series }>();

  constructor(kind: MetricKind, info: MetricInfo, create: () => Series, maxSeries: number) {
    this.kind = kind;
    this.info = info;
    this.#create = create;
    this.#maxSeries = maxSeries;
  }

  series(labels: Labels = {}): Series {
    const names = this.info.labels ?? [];
    const key = names.map((name) => labels[name] ?? '').join('\0');
    const existing = this.#series.get(key);
    if (existing) return existing.series;
    if (this.#series.size >= this.#maxSeries && !names.every((name) => labels[name] === OTHER)) {
      return this.series(Object.fromEntries(names.map((name) => [name, OTHER])));
    }
    const series = this.#create();
    this.#series.set(key, { labels: Object.fromEntries(names.map((name) => [name, labels[name] ?? ''])), series });
    return series;
  }

  snapshot(): FamilySnapshot {
    const series = [...this.#series.values()].map((entry) => ({ labels: entry.labels, ...(entry.series as SeriesData).data() }));
    return { ...this.info, kind: this.kind, series };
  }
}

class CounterSeries implements Counter, SeriesData {
  value = 0;
  inc(by = 1): void {
    this.value += by;
  }
  data() {
    return { value: this.value };
  }
}

class GaugeSeries implements Gauge, SeriesData {
  value = 0;
  set(value: number): void {
    this.value = value;
  }
  add(by: number): void {
    this.value += by;
  }
  data() {
    return { value: this.value };
  }
}

class TimingSeries implements Timing, SeriesData {
  readonly #histogram = new Histogram(5);
  readonly #buckets = new Float64Array(TIMING_BUCKETS_MS.length + 1);

  observe(ms: number): void {
    this.#histogram.record(ms * 1000);
    let bucket = 0;
    while (bucket < TIMING_BUCKETS_MS.length && ms > TIMING_BUCKETS_MS[bucket]!) bucket++;
    this.#buckets[bucket] = this.#buckets[bucket]! + 1;
  }

  quantile(q: number): number {
    return this.#histogram.quantile(q) / 1000;
  }

  get count(): number {
    return this.#histogram.count;
  }

  data() {
    return { histogram: this.#histogram.toJSON(), buckets: [...this.#buckets] };
  }
}
