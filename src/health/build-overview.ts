import type { Alert } from './alert-book.ts';
import { hopOf, type BreakerState } from './conditions.ts';
import type { History } from './history.ts';
import type {
  ClassRow,
  EndpointRow,
  Headroom,
  Hop,
  HopState,
  MissRow,
  ObjectiveRow,
  Overview,
  Protection,
  Regeneration,
  Saturation,
  ServiceFacts,
  Traffic,
  WorkerRow,
} from './overview.ts';
import type { Signals } from './signals.ts';
import type { Cause, Status } from './status.ts';

/** What an overview is made of. */
export interface Moment {
  readonly atMs: number;
  readonly status: Status;
  readonly service: ServiceFacts;
  readonly history: History;
  /** Percentiles over the last 10 s. */
  readonly window: Signals;
  readonly classes: readonly string[];
  readonly classObjectives: ReadonlyMap<string, number>;
  readonly workers: readonly WorkerRow[];
  readonly endpoints: readonly EndpointRow[];
  /** What the cache has behind memory; undefined: nothing. */
  readonly storeName: string | undefined;
  readonly breakers: readonly BreakerState[];
  readonly objectives: readonly ObjectiveRow[];
  readonly alerts: readonly Alert[];
  readonly lastChange: number;
}

/** Numbers that would jump from second to second are the mean of this many. */
const SMOOTH_SECONDS = 10;
/** The share of its event loop a worker can use before answers wait for each other. */
const USABLE_LOOP = 0.8;
/** Below this utilisation an extrapolation to capacity would be a guess. */
const TELLING_LOOP = 0.05;

export function buildOverview(moment: Moment): Overview {
  const read = (signal: string): number | undefined => moment.history.recent(signal, SMOOTH_SECONDS, moment.atMs);
  const latest = (signal: string): number | null => moment.history.recent(signal, 2, moment.atMs) ?? null;
  const traffic = trafficOf(read, latest);
  const saturation = saturationOf(latest);
  return {
    atMs: moment.atMs,
    verdict: moment.status.verdict,
    sinceMs: moment.status.sinceMs,
    causes: moment.status.causes,
    service: moment.service,
    traffic,
    latency: latencyOf(moment.window, 'http'),
    saturation,
    headroom: headroomOf(read),
    path: pathOf(moment, read, traffic),
    objectives: moment.objectives,
    alerts: moment.alerts,
    classes: classesOf(moment, read),
    workers: moment.workers,
    endpoints: moment.endpoints,
    regeneration: regenerationOf(read, latest),
    protection: protectionOf(read, latest),
    misses: missesOf(moment),
    lastChange: moment.lastChange,
  };
}

type Read = (signal: string) => number | undefined;
type Latest = (signal: string) => number | null;

function trafficOf(read: Read, latest: Latest): Traffic {
  return {
    rate: latest('http.rate') ?? 0,
    ok: (latest('http.2xx') ?? 0) + (latest('http.3xx') ?? 0),
    clientErrors: latest('http.4xx') ?? 0,
    serverErrors: latest('http.5xx') ?? 0,
    timeouts: latest('http.timeouts') ?? 0,
    aborted: read('http.aborted') ?? 0,
    inFlight: latest('http.inFlight'),
    connections: latest('http.connections'),
  };
}

function latencyOf(window: Signals, name: string) {
  return {
    p50Ms: window.get(`${name}.p50`) ?? null,
    p90Ms: window.get(`${name}.p90`) ?? null,
    p95Ms: window.get(`${name}.p95`) ?? null,
    p99Ms: window.get(`${name}.p99`) ?? null,
  };
}

function saturationOf(latest: Latest): Saturation {
  return {
    loopWorst: latest('loop.worst'),
    loopMean: latest('loop.mean'),
    loopBest: latest('loop.best'),
    loopDelayMs: latest('loop.delay'),
    cpu: latest('cpu.mean'),
    memory: latest('memory.share'),
    residentBytes: latest('memory.resident'),
  };
}

/** The utilisation law: busy time per request stays what it is, so the rate can grow until the loop is full. */
function headroomOf(read: Read): Headroom {
  const rate = read('http.rate') ?? 0;
  const loop = read('loop.mean') ?? 0;
  if (loop < TELLING_LOOP || rate < 1) return { capacityPerSecond: null, usedShare: null };
  return { capacityPerSecond: (rate / loop) * USABLE_LOOP, usedShare: loop / USABLE_LOOP };
}

function ratio(hits: number | undefined, misses: number | undefined): number | null {
  const all = (hits ?? 0) + (misses ?? 0);
  return all > 0 ? (hits ?? 0) / all : null;
}

function pathOf(moment: Moment, read: Read, traffic: Traffic): Hop[] {
  const { window, status } = moment;
  const pages = (read('page.hits') ?? 0) + (read('page.stale') ?? 0);
  const hop = (id: Hop['id'], label: string, rate: number | undefined | null, hitRatio: number | null, timing?: string): Hop => {
    const trouble = troubleAt(id, status.causes, moment.breakers);
    const state: HopState = trouble?.state ?? (rate === undefined || rate === null ? 'absent' : rate > 0 ? 'ok' : 'idle');
    const p99Ms = timing === undefined ? null : (window.get(`${timing}.p99`) ?? null);
    return { id, label, state, rate: rate ?? null, hitRatio, p99Ms, note: trouble?.note ?? null };
  };
  const memoryLookups = sum(read('cache.memory.hits'), read('cache.memory.misses'));
  const storeHits = read('cache.store.hits');
  const hops = [
    hop('client', 'Clients', traffic.connections, null),
    hop('gateway', 'Gateway', read('http.rate'), null, 'http'),
    hop('pages', 'Pages', sum(pages, read('page.misses')), ratio(pages, read('page.misses'))),
    hop('memory', 'Memory', memoryLookups, ratio(read('cache.memory.hits'), read('cache.memory.misses'))),
    hop(
      'store',
      moment.storeName ?? 'Redis',
      moment.storeName !== undefined ? sum(storeHits, read('cache.misses')) : undefined,
      ratio(storeHits, read('cache.misses')),
    ),
    hop('upstream', 'Upstream', upstreamRate(moment, read), null),
    hop('database', 'Database', read('database.rate'), null, 'database'),
  ];
  // What nobody declared is no station of this service; what is broken always shows.
  return hops.filter(({ id, state }) => state !== 'absent' || (id !== 'store' && id !== 'database'));
}

function upstreamRate(moment: Moment, read: Read): number | undefined {
  const names = new Set(moment.endpoints.map(({ upstream }) => upstream));
  return sum(...Array.from(names, (name) => read(`upstream.${name}.rate`)));
}

function sum(...values: (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : known.reduce((all, value) => all + value, 0);
}

function troubleAt(id: Hop['id'], causes: readonly Cause[], breakers: readonly BreakerState[]) {
  const cause = causes.find((one) => one.hop === id);
  if (cause) return { state: (cause.level === 'critical' ? 'broken' : 'slow') as HopState, note: cause.text };
  const breaker = breakers.find(({ name, state }) => state !== 'closed' && hopOf(name) === id);
  return breaker ? { state: 'slow' as HopState, note: `breaker ${breaker.name} is ${breaker.state}` } : undefined;
}

function classesOf(moment: Moment, read: Read): ClassRow[] {
  const rows = moment.classes.map((name): ClassRow => {
    const signal = (what: string): number => read(`class.${name}.${what}`) ?? 0;
    const rate = signal('rate');
    const { p50Ms, p95Ms, p99Ms } = latencyOf(moment.window, `class.${name}`);
    const objectiveMs = moment.classObjectives.get(name) ?? null;
    const errorShare = rate > 0 ? Math.min(1, signal('5xx') / rate) : 0;
    const clientErrorShare = rate > 0 ? Math.min(1, signal('4xx') / rate) : 0;
    const row = { name, rate, p50Ms, p95Ms, p99Ms, objectiveMs, errorShare, clientErrorShare };
    const [stalePerSecond, shedPerSecond] = [signal('stale'), signal('shed')];
    const hitRatio = ratio(signal('hits'), signal('misses'));
    return {
      ...row,
      timeoutsPerSecond: signal('timeouts'),
      stalePerSecond,
      shedPerSecond,
      hitRatio,
      pain: painOf(row, shedPerSecond),
    };
  });
  return rows.toSorted((a, b) => b.pain - a.pain || b.rate - a.rate || a.name.localeCompare(b.name));
}

/** Requests per second that go wrong: failed, shed, or slower than promised in proportion to how much. */
function painOf(row: Pick<ClassRow, 'rate' | 'errorShare' | 'p95Ms' | 'objectiveMs'>, shedPerSecond: number): number {
  const late = row.p95Ms !== null && row.objectiveMs !== null ? Math.max(0, row.p95Ms / row.objectiveMs - 1) : 0;
  return row.rate * row.errorShare + shedPerSecond + 0.05 * row.rate * Math.min(10, late);
}

function regenerationOf(read: Read, latest: Latest): Regeneration {
  return {
    waiting: latest('regeneration.waiting'),
    running: latest('regeneration.running'),
    donePerSecond: read('regeneration.done') ?? 0,
    failedPerSecond: read('regeneration.failed') ?? 0,
  };
}

const MISSES = 'cache.misses.';
const MISS_SECONDS = 60;

/** The most frequent reason first. */
function missesOf({ history, atMs }: Moment): MissRow[] {
  const reasons = [...history.signals].filter((signal) => signal.startsWith(MISSES)).map((signal) => signal.slice(MISSES.length));
  const recent = (signal: string): number => history.recent(signal, MISS_SECONDS, atMs) ?? 0;
  return [
    ...reasons.map((reason) => ({ reason, perSecond: recent(`${MISSES}${reason}`) })),
    { reason: 'bypassed', perSecond: recent('page.bypassed') },
  ]
    .filter(({ perSecond }) => perSecond > 0)
    .toSorted((a, b) => b.perSecond - a.perSecond);
}

function protectionOf(read: Read, latest: Latest): Protection {
  return {
    limitedPerSecond: read('limit.refused') ?? 0,
    shedPerSecond: read('shed.refused') ?? 0,
    shedShare: latest('shed.share'),
  };
}
