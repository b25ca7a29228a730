import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Clock, Timer } from '../kernel/index.ts';

/** One reading of a Prometheus text: the samples of each metric, labels and value. */
export type Readings = ReadonlyMap<string, readonly Sample[]>;

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A figure of the target's own, over time. */
export interface ServerFigure {
  readonly name: string;
  readonly unit: string;
  /** What it tells somebody who does not run servers for a living. */
  readonly means: string;
  /** One value a reading; null where it could not be told. */
  readonly values: readonly (number | null)[];
}

export interface ServerMetrics {
  readonly url: string;
  /** When each reading was taken, ms into the run. */
  readonly atMs: readonly number[];
  /** Figures that had a value at least once. */
  readonly figures: readonly ServerFigure[];
  /** Readings that failed. */
  readonly failures: number;
}

interface FigureKind {
  readonly name: string;
  readonly unit: string;
  readonly means: string;
  /** @param before the reading before, for what is counted up; undefined at the first. */
  readonly value: (now: Readings, before: Readings | undefined, seconds: number) => number | null;
}

/** Most readings kept: of a longer run every second one is dropped, again and again. */
const MAX_READINGS = 600;
const MAX_TEXT_BYTES = 16 * 1024 * 1024;
const PATIENCE_MS = 2000;

/** Spillway's own names first, then those of prom-client and OpenTelemetry for targets that are not Spillway. */
const FIGURES: readonly FigureKind[] = [
  {
    name: 'Event loop busy',
    unit: '%',
    means: 'How much of its time the busiest process was at work. Above 80 % requests begin to wait for each other.',
    value: (now) => scaled(most(now, /^nodejs_eventloop_utilization(_ratio)?$/), 100),
  },
  {
    name: 'Event loop delay',
    unit: 'ms',
    means: 'How long work had to wait for its turn in the process, at worst 1 time in 100.',
    value: (now) => scaled(most(now, /^nodejs_eventloop_(delay|lag)_p99_seconds$/), 1000),
  },
  {
    name: 'CPU',
    unit: 'cores',
    means: 'Processor cores all processes of the target used together.',
    value: (now, before, seconds) => perSecond(now, before, seconds, /^process_cpu_seconds_total$/),
  },
  {
    name: 'Memory',
    unit: 'MB',
    means: 'Memory all processes of the target occupied together.',
    value: (now) => scaled(sum(now, /^process_resident_memory_bytes$/), 1 / 1024 / 1024),
  },
  {
    name: 'Page hit ratio',
    unit: '%',
    means: 'Pages answered from the cache, fresh or stale, out of all pages that may be cached.',
    value: (now, before) =>
      share(
        now,
        before,
        /^spillway_page_requests_total$/,
        ({ result }) => result === 'hit' || result === 'stale',
        ({ result }) => result !== 'bypass',
      ),
  },
  {
    name: 'Value cache hit ratio',
    unit: '%',
    means: 'Reads of cached values that found one, in memory or in the shared store.',
    value: (now, before) =>
      share(
        now,
        before,
        /^spillway_cache_(hits|misses)_total$/,
        (_labels, name) => name.endsWith('hits_total'),
        () => true,
      ),
  },
  {
    name: 'Shed',
    unit: '/s',
    means: 'Requests refused because the target was overloaded.',
    value: (now, before, seconds) => perSecond(now, before, seconds, /^spillway_shed_refused_total$/),
  },
  {
    name: 'Limited',
    unit: '/s',
    means: 'Requests refused because a client had used up its quota.',
    value: (now, before, seconds) =>
      perSecond(now, before, seconds, /^spillway_limit_decisions_total$/, (labels) =>
        Object.values(labels).some((value) => /refused|denied|limited/.test(value)),
      ),
  },
  {
    name: 'In flight at the target',
    unit: '',
    means: 'Requests the target was working on.',
    value: (now) => sum(now, /^spillway_http_in_flight$|^http_server_active_requests$/),
  },
  {
    name: 'Waiting for a database connection',
    unit: '',
    means: 'Queries that waited because every connection of the pool was taken.',
    value: (now) => sum(now, /^spillway_(database_)?pool_waiting$|^db_client_connection_pending_requests$/),
  },
];

/** Reads the target's metrics once a second while a run goes on. What cannot be read is counted, and is no failure. */
export class MetricsReader {
  readonly #url: URL;
  readonly #clock: Clock;
  readonly #atMs: number[] = [];
  readonly #values: (number | null)[][] = FIGURES.map(() => []);
  #failures = 0;
  #before: { readings: Readings; atMs: number } | undefined;
  #timer: Timer | undefined;
  #everyMs = 1000;
  #reading = false;

  constructor(url: string, clock: Clock) {
    this.#url = new URL(url);
    this.#clock = clock;
  }

  /** @param startMs monotonic ms at which the run begins. */
  start(startMs: number): void {
    this.#timer = this.#clock.setTimer(() => {
      void this.#read(startMs).finally(() => this.#timer && this.start(startMs));
    }, this.#everyMs);
  }

  stop(): ServerMetrics {
    this.#timer?.cancel();
    this.#timer = undefined;
    const figures = FIGURES.map(({ name, unit, means }, at) => ({ name, unit, means, values: this.#values[at]! }));
    return {
      url: this.#url.href,
      atMs: this.#atMs,
      figures: figures.filter(({ values }) => values.some((value) => value !== null)),
      failures: this.#failures,
    };
  }

  async #read(startMs: number): Promise<void> {
    if (this.#reading) return;
    this.#reading = true;
    try {
      this.#take(parseMetrics(await fetchText(this.#url)), this.#clock.monotonic() - startMs);
    } catch {
      this.#failures++;
    }
    this.#reading = false;
  }

  #take(readings: Readings, atMs: number): void {
    const seconds = this.#before ? (atMs - this.#before.atMs) / 1000 : 0;
    for (const [at, figure] of FIGURES.entries()) this.#values[at]!.push(figure.value(readings, this.#before?.readings, seconds));
    this.#atMs.push(Math.round(atMs));
    this.#before = { readings, atMs };
    if (this.#atMs.length >= MAX_READINGS) this.#thin();
  }

  #thin(): void {
    this.#everyMs *= 2;
    for (const list of [this.#atMs, ...this.#values]) {
      const kept = list.filter((_, at) => at % 2 === 1);
      list.splice(0, list.length, ...(kept as never[]));
    }
  }
}

/** Reads Prometheus' text format, and OpenMetrics as far as samples go. */
export function parseMetrics(text: string): Readings {
  const readings = new Map<string, Sample[]>();
  for (const line of text.split('\n')) {
    const match = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)/.exec(line);
    if (!match) continue;
    const value = Number(match[3]!.replace('+Inf', 'Infinity').replace('-Inf', '-Infinity'));
    if (Number.isNaN(value)) continue;
    const labels: Record<string, string> = {};
    for (const [, name, escaped] of (match[2] ?? '').matchAll(/([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g)) labels[name!] = escaped!;
    const samples = readings.get(match[1]!);
    if (samples) samples.push({ labels, value });
    else readings.set(match[1]!, [{ labels, value }]);
  }
  return readings;
}

type Wanted = (labels: Sample['labels'], name: string) => boolean;
const every: Wanted = () => true;

function valuesOf(readings: Readings, pattern: RegExp, wanted: Wanted = every): number[] {
  const values: number[] = [];
  for (const [name, samples] of readings) {
    if (!pattern.test(name)) continue;
    for (const { labels, value } of samples) if (wanted(labels, name)) values.push(value);
  }
  return values;
}

function sum(readings: Readings, pattern: RegExp, wanted?: Wanted): number | null {
  const values = valuesOf(readings, pattern, wanted);
  return values.length === 0 ? null : values.reduce((total, value) => total + value, 0);
}

function most(readings: Readings, pattern: RegExp): number | null {
  const values = valuesOf(readings, pattern);
  return values.length === 0 ? null : Math.max(...values);
}

function scaled(value: number | null, factor: number): number | null {
  return value === null ? null : Math.round(value * factor * 100) / 100;
}

/** How much what is counted up has grown since the reading before; null where either is missing or it began anew. */
function growth(now: Readings, before: Readings | undefined, pattern: RegExp, wanted?: Wanted): number | null {
  const current = sum(now, pattern, wanted);
  if (current === null || !before) return null;
  const grown = current - (sum(before, pattern, wanted) ?? 0);
  return grown < 0 ? null : grown;
}

function perSecond(
  now: Readings,
  before: Readings | undefined,
  seconds: number,
  pattern: RegExp,
  wanted?: Wanted,
): number | null {
  const grown = growth(now, before, pattern, wanted);
  return grown === null || seconds <= 0 ? null : scaled(grown / seconds, 1);
}

function share(now: Readings, before: Readings | undefined, pattern: RegExp, part: Wanted, whole: Wanted): number | null {
  const all = growth(now, before, pattern, whole);
  return all === null || all === 0 ? null : scaled((growth(now, before, pattern, part) ?? 0) / all, 100);
}

/** A plain GET: the generator's own connections are for what is measured. */
function fetchText(url: URL): Promise<string> {
  return new Promise((resolve, reject) => {
    const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
    const request = send(url, { timeout: PATIENCE_MS, headers: { accept: 'text/plain' } }, (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > MAX_TEXT_BYTES) request.destroy(new Error('the metrics text is too long'));
        else chunks.push(chunk);
      });
      response.on('end', () =>
        response.statusCode === 200
          ? resolve(Buffer.concat(chunks).toString())
          : reject(new Error(`status ${response.statusCode}`)),
      );
      response.on('error', reject);
    });
    request.on('timeout', () => request.destroy(new Error('no answer in time')));
    request.on('error', reject);
    request.end();
  });
}
