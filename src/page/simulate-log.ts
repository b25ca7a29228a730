import type { PageCachePolicy, RouteMatch } from '../policy/index.ts';
import { AccessLogReader, type LoggedRequest } from './access-log.ts';
import { normaliseQuery } from './key.ts';

export interface SimulationOptions {
  /** The route of a request; undefined where none matches. */
  readonly match: (method: string, path: string) => RouteMatch | undefined;
  /** Memory for pages, bytes. Default 128 MiB. */
  readonly maxBytes?: number;
  /** Intervals to try beside the policy's own, as factors of `revalidate`. Default ½, 2 and 4. */
  readonly factors?: readonly number[];
}

export interface ClassOutcome {
  readonly className: string;
  readonly requests: number;
  readonly hits: number;
  /** Served stale while a new page was made. */
  readonly stale: number;
  readonly misses: number;
  /** Not for the cache: other methods, uncached routes, answers that may not be stored. */
  readonly passed: number;
  /** Hits and stale ones of all requests the cache could have answered. */
  readonly hitRatio: number;
}

/** What an interval `factor` times the policy's would have done. */
export interface Alternative {
  readonly factor: number;
  readonly hitRatio: number;
  readonly originRequests: number;
}

export interface SimulationReport {
  readonly requests: number;
  /** Lines that are no request of a known format. */
  readonly unread: number;
  /** Requests no route matches. */
  readonly unmatched: number;
  readonly fromMs: number;
  readonly toMs: number;
  readonly classes: readonly ClassOutcome[];
  readonly hitRatio: number;
  readonly originRequests: number;
  /** The busiest minute at the origin, requests a second. */
  readonly originPeakPerSecond: number;
  readonly regenerations: number;
  readonly pages: number;
  readonly peakBytes: number;
  /** Pages dropped for want of memory. */
  readonly evicted: number;
  readonly alternatives: readonly Alternative[];
}

/**
 * Runs recorded traffic through a policy, at the log's own time. A model of the page cache, not the cache itself: it
 * knows the times, keys, grace and memory of the policy, takes every logged answer of a cacheable status for storable,
 * and every regeneration for instantaneous. Lines may be out of order by what a server's buffering does to them.
 */
export async function simulateLog(
  lines: AsyncIterable<string> | Iterable<string>,
  options: SimulationOptions,
): Promise<SimulationReport> {
  const { match, maxBytes = 128 * 1024 * 1024, factors = [0.5, 2, 4] } = options;
  const reader = new AccessLogReader();
  const models = [1, ...factors].map((factor) => new Model(factor, maxBytes));
  const routes = new RouteMemory(match);
  let [unread, unmatched, requests, fromMs, toMs] = [0, 0, 0, Infinity, -Infinity];
  for await (const line of lines) {
    const request = reader.read(line);
    if (request === undefined) {
      unread++;
      continue;
    }
    requests++;
    fromMs = Math.min(fromMs, request.atMs);
    toMs = Math.max(toMs, request.atMs);
    const found = routes.of(request);
    if (found === undefined) unmatched++;
    else for (const model of models) model.take(request, found.route.className, found.route.cache);
  }
  const [own, ...others] = models as [Model, ...Model[]];
  const alternatives = others.map((model) => ({
    factor: model.factor,
    hitRatio: model.hitRatio,
    originRequests: model.originRequests,
  }));
  return { requests, unread, unmatched, fromMs, toMs, ...own.report(), alternatives };
}

/** Matching is most of the work and paths repeat. */
class RouteMemory {
  readonly #match: SimulationOptions['match'];
  readonly #known = new Map<string, RouteMatch | undefined>();

  constructor(match: SimulationOptions['match']) {
    this.#match = match;
  }

  of({ method, path }: LoggedRequest): RouteMatch | undefined {
    const key = `${method} ${path}`;
    if (this.#known.has(key)) return this.#known.get(key);
    if (this.#known.size >= 100_000) this.#known.clear();
    const found = this.#match(method, path);
    this.#known.set(key, found);
    return found;
  }
}

interface ModelPage {
  madeMs: number;
  bytes: number;
}

type Tally = { -readonly [Name in 'requests' | 'hits' | 'stale' | 'misses' | 'passed']: number };

const CACHEABLE = new Set([200, 203, 206, 301, 304, 308]);
const MINUTE_MS = 60_000;
const PAGE_OVERHEAD_BYTES = 1500;

/** A page cache reduced to its times: least recently used pages go first. */
class Model {
  readonly factor: number;
  readonly #maxBytes: number;
  readonly #pages = new Map<string, ModelPage>();
  readonly #classes = new Map<string, Tally>();
  #bytes = 0;
  #peakBytes = 0;
  #evicted = 0;
  #regenerations = 0;
  #most = 0;
  #minute = -1;
  #inMinute = 0;
  originRequests = 0;

  constructor(factor: number, maxBytes: number) {
    this.factor = factor;
    this.#maxBytes = maxBytes;
  }

  take(request: LoggedRequest, className: string, policy: PageCachePolicy | undefined): void {
    const tally = this.#tally(className);
    tally.requests++;
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    if (policy === undefined || !isRead || !CACHEABLE.has(request.status)) {
      tally.passed++;
      this.#ask(request.atMs);
      return;
    }
    const query = normaliseQuery(request.query, policy.query);
    const key = query === '' ? request.path : `${request.path}?${query}`;
    const page = this.#pages.get(key);
    const freshMs = policy.revalidateMs * this.factor;
    const ageMs = page === undefined ? Infinity : request.atMs - page.madeMs;
    if (page !== undefined && ageMs < freshMs) tally.hits++;
    else if (page !== undefined && ageMs < Math.max(policy.storeTtlMs, freshMs) + policy.graceMs) {
      tally.stale++;
      this.#regenerations++;
      this.#ask(request.atMs);
      page.madeMs = request.atMs;
    } else {
      tally.misses++;
      this.#ask(request.atMs);
    }
    this.#touch(key, page ?? { madeMs: request.atMs, bytes: 0 }, request);
  }

  get hitRatio(): number {
    const all = [...this.#classes.values()];
    const served = all.reduce((sum, { hits, stale }) => sum + hits + stale, 0);
    const possible = all.reduce((sum, { requests, passed }) => sum + requests - passed, 0);
    return possible === 0 ? 0 : served / possible;
  }

  report() {
    this.#closeMinute(-1);
    const classes = [...this.#classes].map(([className, tally]) => {
      const possible = tally.requests - tally.passed;
      return { className, ...tally, hitRatio: possible === 0 ? 0 : (tally.hits + tally.stale) / possible };
    });
    return {
      classes,
      hitRatio: this.hitRatio,
      originRequests: this.originRequests,
      originPeakPerSecond: this.#most / 60,
      regenerations: this.#regenerations,
      pages: this.#pages.size,
      peakBytes: this.#peakBytes,
      evicted: this.#evicted,
    };
  }

  #touch(key: string, page: ModelPage, request: LoggedRequest): void {
    const bytes = request.status === 200 && request.method === 'GET' ? request.bytes + PAGE_OVERHEAD_BYTES : 0;
    this.#bytes += Math.max(bytes, page.bytes) - (this.#pages.has(key) ? page.bytes : 0);
    page.bytes = Math.max(bytes, page.bytes);
    this.#pages.delete(key);
    this.#pages.set(key, page);
    for (const [oldest, { bytes: freed }] of this.#pages) {
      if (this.#bytes <= this.#maxBytes) break;
      this.#pages.delete(oldest);
      this.#bytes -= freed;
      this.#evicted++;
    }
    this.#peakBytes = Math.max(this.#peakBytes, this.#bytes);
  }

  #ask(atMs: number): void {
    this.originRequests++;
    const minute = Math.floor(atMs / MINUTE_MS);
    if (minute !== this.#minute) this.#closeMinute(minute);
    this.#inMinute++;
  }

  #closeMinute(next: number): void {
    this.#most = Math.max(this.#most, this.#inMinute);
    this.#minute = next;
    this.#inMinute = 0;
  }

  #tally(className: string): Tally {
    let tally = this.#classes.get(className);
    if (!tally) this.#classes.set(className, (tally = { requests: 0, hits: 0, stale: 0, misses: 0, passed: 0 }));
    return tally;
  }
}
