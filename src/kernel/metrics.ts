import { randomUUID } from 'node:crypto';
import { highestInCell, lowestInCell } from './histogram.ts';

export type Labels = Readonly<Record<string, string>>;

/** What a metric is, in Prometheus' words. `name` is its OpenMetrics name without a `_total` suffix. */
export interface MetricInfo {
  readonly name: string;
  readonly help: string;
  /** Base unit, as OpenMetrics has it: `seconds`, `bytes`, `ratio`. Part of the name too. */
  readonly unit?: string;
  readonly labels?: readonly string[];
  /**
   * Gauges: how the values of several workers become one. Default `sum`; `each` keeps them apart under a `worker` label.
   * Counters and timings always add up.
   */
  readonly across?: 'sum' | 'max' | 'min' | 'each';
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
  /** Unique to the registry that counted: a worker that restarts has a new one. */
  readonly instance?: string;
  /** The worker's stable name, the same after its restart. */
  readonly worker?: string;
  /** Families and their series keep their place from one snapshot of an instance to the next; new ones come last. */
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
  readonly timing?: TimingSnapshot;
}

/** A timing as flat numbers, which cost next to nothing to send to another process or to collect as garbage. */
export interface TimingSnapshot {
  readonly count: number;
  readonly sumUs: number;
  /** Cells in use of a {@link Histogram} of microseconds with {@link TIMING_BITS} bits: index and count in turn, ascending. */
  readonly cells: Float64Array<ArrayBuffer>;
  /** Exact counts per upper bound of {@link TIMING_BUCKETS_MS}, the last one for all above. */
  readonly buckets: Float64Array<ArrayBuffer>;
}

/** OpenTelemetry's boundaries for `http.server.request.duration`, in ms. */
export const TIMING_BUCKETS_MS = [5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10_000] as const;

/** Precision of a timing's histogram: a percentile is off by at most 1 part in 32. */
export const TIMING_BITS = 5;

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
  readonly #instance = randomUUID();
  readonly #worker: string;

  /**
   * @param maxSeries bound on the series of each family.
   * @param worker the process's stable name in its cluster, for gauges that are told apart by worker.
   */
  constructor(maxSeries = 1000, worker = 'main') {
    this.#maxSeries = maxSeries;
    this.#worker = worker;
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
    const room = new Room();
    const families = Array.from(this.#families.values(), (family) =>
      family.snapshotOf(Array.from(family.entries, (entry) => dataOf(entry, room))),
    );
    return { instance: this.#instance, worker: this.#worker, families };
  }

  /** {@link snapshot} of very many series, taken in turns of the event loop so that nothing waits for all of it. */
  async snapshotInSlices(): Promise<MetricsSnapshot> {
    for (const collect of this.#collectors) collect();
    const families: FamilySnapshot[] = [];
    const room = new Room();
    let taken = 0;
    for (const family of this.#families.values()) {
      const series: SeriesSnapshot[] = [];
      for (const entry of family.entries) {
        series.push(dataOf(entry, room));
        if (++taken % SERIES_A_SLICE === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      families.push(family.snapshotOf(series));
    }
    return { instance: this.#instance, worker: this.#worker, families };
  }

  #family<Series extends SeriesData>(kind: MetricKind, info: MetricInfo, create: () => Series): MetricFamily<Series> {
    const existing = this.#families.get(info.name);
    if (existing && existing.kind !== kind) throw new Error(`metric ${info.name} is a ${existing.kind} already`);
    if (existing) return existing as MetricFamily<Series>;
    const family = new MetricFamily(kind, info, create, this.#maxSeries, () => this.#countOverflow(info.name));
    this.#families.set(info.name, family as MetricFamily<unknown>);
    return family;
  }

  #countOverflow(metric: string): void {
    this.counter({
      name: 'spillway_metrics_overflow',
      help: "Requests for a series beyond its family's bound, counted under the label value 'other' instead.",
      labels: ['metric'],
    })
      .series({ metric })
      .inc();
  }
}

/** Some tenths of a millisecond's work. */
const SERIES_A_SLICE = 64;

interface Entry {
  readonly labels: Labels;
  readonly series: unknown;
}

function dataOf({ labels, series }: Entry, room: Room): SeriesSnapshot {
  return { labels, ...(series as SeriesData).data(room) };
}

type SeriesData = { data(room: Room): Omit<SeriesSnapshot, 'labels'> };

const ROOM_NUMBERS = 8192;

/** Numbers of many series side by side: an array of its own for each would make the collector of garbage work ten times more. */
class Room {
  #block = new Float64Array(0);
  #used = 0;

  take(length: number): Float64Array<ArrayBuffer> {
    if (this.#used + length > this.#block.length) {
      this.#block = new Float64Array(Math.max(ROOM_NUMBERS, length));
      this.#used = 0;
    }
    return this.#block.subarray(this.#used, (this.#used += length));
  }
}

class MetricFamily<Series> implements Family<Series> {
  readonly kind: MetricKind;
  readonly info: MetricInfo;
  readonly #create: () => Series;
  readonly #maxSeries: number;
  readonly #onOverflow: () => void;
  readonly #series = new Map<string, { labels: Labels; series: Series }>();

  constructor(kind: MetricKind, info: MetricInfo, create: () => Series, maxSeries: number, onOverflow: () => void) {
    this.kind = kind;
    this.info = info;
    this.#create = create;
    this.#maxSeries = maxSeries;
    this.#onOverflow = onOverflow;
  }

  series(labels: Labels = {}): Series {
    const names = this.info.labels ?? [];
    const key = names.map((name) => labels[name] ?? '').join('\0');
    const existing = this.#series.get(key);
    if (existing) return existing.series;
    if (this.#series.size >= this.#maxSeries && !names.every((name) => labels[name] === OTHER)) {
      this.#onOverflow();
      return this.series(Object.fromEntries(names.map((name) => [name, OTHER])));
    }
    const series = this.#create();
    this.#series.set(key, { labels: Object.fromEntries(names.map((name) => [name, labels[name] ?? ''])), series });
    return series;
  }

  get entries(): Iterable<Entry> {
    return this.#series.values();
  }

  snapshotOf(series: readonly SeriesSnapshot[]): FamilySnapshot {
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

const TIMING_CELLS = (33 - TIMING_BITS) * 2 ** TIMING_BITS;
const WORDS = TIMING_CELLS / 32;
const LONGEST_US = 2 ** 32 - 1;
const BUCKET_BOUNDS_US = Float64Array.from([...TIMING_BUCKETS_MS.map((ms) => ms * 1000), Infinity]);
/** The bucket of the lowest value in each histogram cell. A cell is too narrow to meet more than one bound. */
const BUCKET_OF_CELL = Uint8Array.from({ length: TIMING_CELLS }, (_, cell) =>
  BUCKET_BOUNDS_US.findIndex((bound) => lowestInCell(cell, TIMING_BITS) <= bound),
);

/** A {@link Histogram} and exact buckets in one step: the histogram's cell says which bucket it is, give or take one. */
class TimingSeries implements Timing, SeriesData {
  readonly #cells = new Float64Array(TIMING_CELLS);
  readonly #buckets = new Float64Array(TIMING_BUCKETS_MS.length + 1);
  /** One bit a cell that is in use. */
  readonly #used = new Int32Array(WORDS);
  #count = 0;
  #sumUs = 0;
  #minUs = LONGEST_US;
  #maxUs = 0;

  observe(ms: number): void {
    const us = ms > 0 ? (ms < LONGEST_US / 1000 ? Math.round(ms * 1000) : LONGEST_US) : 0;
    const exponent = 31 - TIMING_BITS - Math.clz32(us);
    const cell = exponent <= 0 ? us : exponent * 2 ** TIMING_BITS + (us >>> exponent);
    const near = BUCKET_OF_CELL[cell]!;
    const bucket = us > BUCKET_BOUNDS_US[near]! ? near + 1 : near;
    this.#cells[cell]! += 1;
    this.#used[cell >>> 5]! |= 1 << (cell & 31);
    this.#buckets[bucket]! += 1;
    this.#count++;
    this.#sumUs += us;
    if (us > this.#maxUs) this.#maxUs = us;
    if (us < this.#minUs) this.#minUs = us;
  }

  quantile(q: number): number {
    if (this.#count === 0) return 0;
    const rank = Math.max(1, Math.ceil(q * this.#count));
    let seen = 0;
    for (let cell = 0; cell < TIMING_CELLS; cell++) {
      seen += this.#cells[cell]!;
      if (seen >= rank) return Math.min(this.#maxUs, Math.max(this.#minUs, highestInCell(cell, TIMING_BITS))) / 1000;
    }
    return this.#maxUs / 1000;
  }

  get count(): number {
    return this.#count;
  }

  data(room: Room) {
    const cells = this.#cellsInUse(room);
    const buckets = room.take(this.#buckets.length);
    buckets.set(this.#buckets);
    return { timing: { count: this.#count, sumUs: this.#sumUs, cells, buckets } };
  }

  #cellsInUse(room: Room): Float64Array<ArrayBuffer> {
    let inUse = 0;
    for (let word = 0; word < WORDS; word++) inUse += bitsIn(this.#used[word]!);
    const cells = room.take(2 * inUse);
    let at = 0;
    for (let word = 0; word < WORDS; word++) {
      for (let left = this.#used[word]!; left !== 0; left &= left - 1) {
        const cell = word * 32 + 31 - Math.clz32(left & -left);
        cells[at++] = cell;
        cells[at++] = this.#cells[cell]!;
      }
    }
    return cells;
  }
}

function bitsIn(word: number): number {
  let bits = 0;
  for (let left = word; left !== 0; left &= left - 1) bits++;
  return bits;
}
