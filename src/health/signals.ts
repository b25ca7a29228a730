import type { Labels } from '../kernel/index.ts';
import type { FleetTotals, FleetSeries } from './fleet.ts';
import { RollingHistogram } from './rolling-histogram.ts';

/** Of all timings of a route class: which shares are followed. */
export const FOLLOWED_QUANTILES = [0.5, 0.9, 0.95, 0.99] as const;
const QUANTILE_NAMES = ['p50', 'p90', 'p95', 'p99'] as const;

/** How a signal's seconds become one value of a coarser step. */
export type Rollup = 'mean' | 'max';

/** A bound on the classes, upstreams and workers followed one by one; what comes after is part of the totals only. */
const FOLLOWED_NAMES = 24;

/** What the metrics said in one interval. Rates are per second, times in ms, shares from 0 to 1. */
export class Signals {
  readonly values = new Map<string, number>();

  get(name: string): number | undefined {
    return this.values.get(name);
  }

  /** Leaves out what is not a number: no observation is not a zero. */
  set(name: string, value: number | undefined): void {
    if (value !== undefined && !Number.isNaN(value)) this.values.set(name, value);
  }
}

/** Signals whose coarser steps keep the worst second rather than the mean. */
export function rollupOf(signal: string): Rollup {
  return /^(?:loop\.|memory\.|regeneration\.waiting|shed\.share|cpu\.worst)/.test(signal) ? 'max' : 'mean';
}

/**
 * Turns what the fleet counted in an interval into the signals that status, alerts, history and the dashboard read. This
 * is the one place that knows the names of other rooms' metrics.
 */
export class SignalReader {
  readonly #timings = new Map<string, Timings>();
  readonly #names = new Map<string, Set<string>>();

  read(fleet: FleetTotals, seconds: number): Signals {
    const signals = new Signals();
    const counts = new Counts(fleet, seconds);
    readHttp(signals, counts);
    readPages(signals, counts);
    readCache(signals, counts);
    readLimits(signals, counts);
    readProcesses(signals, counts);
    this.#readTimings(signals, fleet);
    this.#readQueries(signals, counts, fleet, seconds);
    for (const name of this.#follow('class', counts.labelValues('spillway_http_requests', 'class')))
      readClass(signals, counts, name);
    for (const name of this.#follow('upstream', counts.labelValues('spillway_balance_up', 'upstream')))
      readUpstream(signals, counts, name);
    return signals;
  }

  /** Percentiles over the last 10 and 60 intervals, for history's coarser steps and for verdicts that must not flicker. */
  window(intervals: 10 | 60): Signals {
    const signals = new Signals();
    for (const [name, timings] of this.#timings) {
      const window = intervals === 10 ? timings.ten : timings.sixty;
      window.quantiles(FOLLOWED_QUANTILES).forEach((ms, at) => signals.set(`${name}.${QUANTILE_NAMES[at]}`, ms));
    }
    return signals;
  }

  /** How many observations of a timing the last 10 or 60 intervals hold. */
  count(timing: string, intervals: 10 | 60): number {
    const timings = this.#timings.get(timing);
    return (intervals === 10 ? timings?.ten : timings?.sixty)?.count ?? 0;
  }

  /** The classes or upstreams followed one by one. */
  followed(kind: 'class' | 'upstream'): readonly string[] {
    return [...(this.#names.get(kind) ?? [])];
  }

  #readTimings(signals: Signals, fleet: FleetTotals): void {
    this.#readTiming(signals, fleet, 'http', 'spillway_http_request_duration_seconds');
    this.#readTiming(signals, fleet, 'cache.load', 'spillway_cache_load_seconds');
    for (const name of this.#follow('class', labelValues(fleet, 'spillway_http_request_duration_seconds', 'class')))
      this.#readTiming(signals, fleet, `class.${name}`, 'spillway_http_request_duration_seconds', { class: name });
  }

  /** Queries that were tracked: without any there is no database to show. */
  #readQueries(signals: Signals, counts: Counts, fleet: FleetTotals, seconds: number): void {
    const queries = this.#readTiming(signals, fleet, 'database', 'spillway_app_query_seconds');
    if (queries === undefined) return;
    signals.set('database.rate', queries / seconds);
    signals.set('database.failures', counts.rate('spillway_app_query_failures'));
  }

  /** Returns how many observations the interval had; undefined when nobody times `metric`. */
  #readTiming(signals: Signals, fleet: FleetTotals, name: string, metric: string, labels?: Labels): number | undefined {
    const family = fleet.family(metric);
    if (!family || family.series.size === 0) return undefined;
    const added: number[] = [];
    let sumMs = 0;
    let count = 0;
    for (const series of family.series.values()) {
      if (labels && !matches(series, labels)) continue;
      for (const part of series.timing!.addedCells) added.push(part);
      sumMs += series.timing!.addedSumUs / 1000;
      count += series.timing!.addedCount;
    }
    let timings = this.#timings.get(name);
    if (!timings)
      this.#timings.set(
        name,
        (timings = { one: new RollingHistogram(1), ten: new RollingHistogram(10), sixty: new RollingHistogram(60) }),
      );
    timings.one.push(added);
    timings.ten.push(added);
    timings.sixty.push(added);
    timings.one.quantiles(FOLLOWED_QUANTILES).forEach((ms, at) => signals.set(`${name}.${QUANTILE_NAMES[at]}`, ms));
    if (count > 0) signals.set(`${name}.mean`, sumMs / count);
    return count;
  }

  #follow(kind: 'class' | 'upstream', seen: Iterable<string>): Iterable<string> {
    let names = this.#names.get(kind);
    if (!names) this.#names.set(kind, (names = new Set()));
    for (const name of seen) if (names.size < FOLLOWED_NAMES) names.add(name);
    return names;
  }
}

interface Timings {
  readonly one: RollingHistogram;
  readonly ten: RollingHistogram;
  readonly sixty: RollingHistogram;
}

/** Sums over a family's series in one interval. */
class Counts {
  readonly #fleet: FleetTotals;
  readonly #seconds: number;

  constructor(fleet: FleetTotals, seconds: number) {
    this.#fleet = fleet;
    this.#seconds = seconds;
  }

  /** Per second; undefined when nobody counts `metric`. */
  rate(metric: string, where?: Readonly<Record<string, string | RegExp>>): number | undefined {
    const family = this.#fleet.family(metric);
    if (!family) return undefined;
    let sum = 0;
    for (const series of family.series.values()) if (!where || matches(series, where)) sum += series.added;
    return sum / this.#seconds;
  }

  gauge(
    metric: string,
    reduce: 'sum' | 'max' | 'mean' | 'min',
    where?: Readonly<Record<string, string | RegExp>>,
  ): number | undefined {
    const family = this.#fleet.family(metric);
    if (!family || family.series.size === 0) return undefined;
    let [sum, max, min, count] = [0, -Infinity, Infinity, 0];
    for (const series of family.series.values()) {
      if (where && !matches(series, where)) continue;
      sum += series.value;
      max = Math.max(max, series.value);
      min = Math.min(min, series.value);
      count++;
    }
    if (count === 0) return undefined;
    return reduce === 'sum' ? sum : reduce === 'max' ? max : reduce === 'min' ? min : sum / count;
  }

  labelValues(metric: string, label: string): Iterable<string> {
    return labelValues(this.#fleet, metric, label);
  }

  /** The largest of one gauge divided by another, worker by worker. */
  worstShare(part: string, whole: string): number | undefined {
    const parts = this.#fleet.family(part);
    const wholes = this.#fleet.family(whole);
    if (!parts || !wholes) return undefined;
    let worst: number | undefined;
    for (const [key, series] of parts.series) {
      const limit = wholes.series.get(key)?.value ?? 0;
      if (limit > 0) worst = Math.max(worst ?? 0, series.value / limit);
    }
    return worst;
  }
}

function labelValues(fleet: FleetTotals, metric: string, label: string): Set<string> {
  const values = new Set<string>();
  for (const series of fleet.family(metric)?.series.values() ?? []) {
    const value = series.labels[label];
    if (value !== undefined && value !== '') values.add(value);
  }
  return values;
}

function matches(series: FleetSeries, where: Readonly<Record<string, string | RegExp>>): boolean {
  for (const name in where) {
    const wanted = where[name]!;
    const value = series.labels[name] ?? '';
    if (typeof wanted === 'string' ? value !== wanted : !wanted.test(value)) return false;
  }
  return true;
}

const SHED = 'spillway_shed_refused';
/** A shedder in shadow counts what it would have refused. */
const REALLY_SHED = { reason: /^(?!shadow )/ };

function readHttp(signals: Signals, counts: Counts): void {
  const requests = 'spillway_http_requests';
  signals.set('http.rate', counts.rate(requests));
  for (const first of [2, 3, 4, 5]) signals.set(`http.${first}xx`, counts.rate(requests, { status: new RegExp(`^${first}`) }));
  // What the shedder refuses is no failure: it would hold up the very verdict it was refused for.
  const failed = (signals.get('http.5xx') ?? 0) - (counts.rate(SHED, REALLY_SHED) ?? 0);
  signals.set('http.failed', signals.get('http.5xx') === undefined ? undefined : Math.max(0, failed));
  signals.set('http.timeouts', counts.rate('spillway_http_timeouts'));
  for (const part of ['4xx', '5xx', 'timeouts']) signals.set(`http.${part}.share`, shareOf(signals, `http.${part}`));
  signals.set('http.aborted', counts.rate('spillway_http_aborted'));
  signals.set('http.inFlight', counts.gauge('spillway_http_in_flight', 'sum'));
  signals.set('http.connections', counts.gauge('spillway_http_connections', 'sum'));
}

/** Of all requests; nothing is known of a second without any. */
function shareOf(signals: Signals, part: string): number | undefined {
  const rate = signals.get('http.rate') ?? 0;
  const value = signals.get(part);
  return rate > 0 && value !== undefined ? value / rate : undefined;
}

function readPages(signals: Signals, counts: Counts): void {
  const pages = 'spillway_page_requests';
  signals.set('page.hits', counts.rate(pages, { result: 'hit' }));
  signals.set('page.stale', counts.rate(pages, { result: 'stale' }));
  signals.set('page.misses', counts.rate(pages, { result: 'miss' }));
  signals.set('page.bypassed', counts.rate(pages, { result: 'bypass' }));
  signals.set(
    'regeneration.running',
    counts.gauge('spillway_page_regeneration_running', 'sum') ?? counts.gauge('spillway_page_filling', 'sum'),
  );
  signals.set('regeneration.waiting', counts.gauge('spillway_page_regeneration_waiting', 'sum'));
  signals.set('regeneration.done', counts.rate('spillway_page_fills', { outcome: 'stored' }));
  signals.set('regeneration.failed', counts.rate('spillway_page_fills', { outcome: 'failed' }));
}

function readCache(signals: Signals, counts: Counts): void {
  const misses = counts.rate('spillway_cache_misses');
  const memoryHits = counts.rate('spillway_cache_hits', { tier: 'memory' });
  const storeHits = counts.rate('spillway_cache_hits', { tier: 'store' });
  if (memoryHits === undefined || misses === undefined) return;
  // A read that memory does not answer goes on to the store: what the store missed is what both missed.
  signals.set('cache.memory.hits', memoryHits);
  signals.set('cache.memory.misses', misses + (storeHits ?? 0));
  signals.set('cache.store.hits', storeHits);
  signals.set('cache.misses', misses);
  signals.set('cache.stale', counts.rate('spillway_cache_stale_hits'));
  signals.set('cache.evictions', counts.rate('spillway_cache_evictions'));
  signals.set('cache.storeErrors', counts.rate('spillway_cache_store_errors'));
  signals.set('cache.bytes', counts.gauge('spillway_cache_bytes', 'sum'));
  for (const reason of counts.labelValues('spillway_cache_misses', 'reason'))
    signals.set(`cache.misses.${reason}`, counts.rate('spillway_cache_misses', { reason }));
}

/** How the shedder numbers its admission level when it admits all. */
const ADMITS_ALL = 640;

function readLimits(signals: Signals, counts: Counts): void {
  signals.set('limit.refused', counts.rate('spillway_limit_decisions', { outcome: 'refused' }));
  signals.set('shed.refused', counts.rate(SHED, REALLY_SHED));
  const level = counts.gauge('spillway_shed_level', 'min');
  signals.set('shed.share', level === undefined ? undefined : 1 - Math.min(1, level / ADMITS_ALL));
}

/** The primary takes no requests: it would make the workers look idle. */
const SERVING = { worker: /^(?!primary$)/ };

function readProcesses(signals: Signals, counts: Counts): void {
  signals.set('cpu.mean', counts.gauge('process_cpu_utilization_ratio', 'mean', SERVING));
  signals.set('cpu.worst', counts.gauge('process_cpu_utilization_ratio', 'max', SERVING));
  signals.set('loop.worst', counts.gauge('nodejs_eventloop_utilization_ratio', 'max', SERVING));
  signals.set('loop.mean', counts.gauge('nodejs_eventloop_utilization_ratio', 'mean', SERVING));
  signals.set('loop.best', counts.gauge('nodejs_eventloop_utilization_ratio', 'min', SERVING));
  signals.set('loop.delay', scaled(counts.gauge('nodejs_eventloop_delay_p99_seconds', 'max', SERVING), 1000));
  signals.set('memory.resident', counts.gauge('process_resident_memory_bytes', 'sum'));
  signals.set('memory.heap', counts.gauge('v8js_memory_heap_used_bytes', 'sum'));
  const limit = counts.gauge('process_memory_limit_bytes', 'max');
  const resident = signals.get('memory.resident');
  const heapShare = counts.worstShare('v8js_memory_heap_used_bytes', 'v8js_memory_heap_limit_bytes');
  if (resident !== undefined && limit) signals.set('memory.share', Math.max(resident / limit, heapShare ?? 0));
  signals.set(
    'workers',
    [...counts.labelValues('process_start_time_seconds', 'worker')].filter((name) => name !== 'primary').length,
  );
}

function readClass(signals: Signals, counts: Counts, name: string): void {
  const requests = 'spillway_http_requests';
  signals.set(`class.${name}.rate`, counts.rate(requests, { class: name }));
  signals.set(`class.${name}.4xx`, counts.rate(requests, { class: name, status: /^4/ }));
  signals.set(`class.${name}.timeouts`, counts.rate('spillway_http_timeouts', { class: name }));
  signals.set(`class.${name}.5xx`, counts.rate(requests, { class: name, status: /^5/ }));
  const pages = 'spillway_page_requests';
  signals.set(`class.${name}.hits`, counts.rate(pages, { class: name, result: /^(?:hit|stale)$/ }));
  signals.set(`class.${name}.misses`, counts.rate(pages, { class: name, result: 'miss' }));
  signals.set(`class.${name}.stale`, counts.rate(pages, { class: name, result: 'stale' }));
  signals.set(`class.${name}.shed`, counts.rate(SHED, { ...REALLY_SHED, class: name }));
}

function readUpstream(signals: Signals, counts: Counts, name: string): void {
  signals.set(`upstream.${name}.rate`, counts.rate('spillway_balance_picks', { upstream: name }));
  signals.set(`upstream.${name}.failures`, counts.rate('spillway_balance_failures', { upstream: name }));
}

function scaled(value: number | undefined, by: number): number | undefined {
  return value === undefined ? undefined : value * by;
}
