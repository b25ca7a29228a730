import type { ValueStore } from '../cache/index.ts';
import { type Clock, Events, parseOptions, type Runtime, runtimeFrom } from '../kernel/index.ts';
import type { PageCachePolicy } from '../policy/index.ts';
import type { Exchange, PreparedAnswers, Upstream } from '../ports/index.ts';
import { type ForwardReason, forwardStatus } from './cache-status.ts';
import { changeEffect, type ChangeReport, type ChangeReceipt } from './changes.ts';
import { Compressor, EncodingChoices } from './encodings.ts';
import type { PageEvents } from './events.ts';
import { type Fields, firstLine } from './fields.ts';
import { Flight, type FlightCrew, type FlightOutcome } from './flight.ts';
import { applyInvalidation, type InvalidationLayer, type InvalidationReceipt, type InvalidationRequest } from './invalidation.ts';
import { Keeper, type Found, type Lookup } from './keeper.ts';
import { normaliseQuery, type PageAddress, primaryKey } from './key.ts';
import { type PageOptions, pageOptionsSchema, type ResolvedPageOptions } from './options.ts';
import { passThrough } from './pass.ts';
import { answerToFault, problemAnswer } from './problem.ts';
import { requestControl, type RequestFacts, requestFacts } from './request.ts';
import { type Marking, Responder } from './respond.ts';
import { PageCounters } from './counters.ts';
import type { PageEntry, StoredPage } from './stored-page.ts';
import { routeTags } from './tags.ts';
import { fillFields } from './upstream-request.ts';
import type { FillTarget, Visit } from './visit.ts';

/** What the page cache is handed beside its options. */
export interface PageRuntime extends Partial<Runtime> {
  /** Where pages are kept; made with `pageCodec`. */
  readonly store: ValueStore<PageEntry>;
  /** Layers beyond the pages that an invalidation reaches afterwards, in order. */
  readonly layers?: readonly InvalidationLayer[];
}

export interface Pages {
  readonly events: Events<PageEvents>;
  /** Answers a request from the store, or through `upstream`, streaming to the client while the page is stored. */
  serve(exchange: Exchange, upstream: Upstream): void;
  /** The stored answer to a plain request as bytes, for a server that writes sockets itself. */
  readonly prepared: PreparedAnswers;
  /** Resolves when the invalidation is in force on every process, with when and where. */
  invalidate(request: InvalidationRequest): Promise<InvalidationReceipt>;
  /** Tells what changed: pages with the tag go at once when the change is large enough, and otherwise in their time. */
  reportChange(change: ChangeReport): Promise<ChangeReceipt>;
  stats(): PageStats;
  close(): Promise<void>;
}

export interface PageStats {
  readonly hits: number;
  readonly stale: number;
  readonly misses: number;
  readonly bypasses: number;
  readonly fills: number;
  readonly fillFailures: number;
  /** Pages being fetched now. */
  readonly filling: number;
}

/**
 * The HTTP cache.
 * @throws ConfigError for wrong options.
 */
export function createPages(options: PageOptions, runtime: PageRuntime): Pages {
  return new PageCache(parseOptions(pageOptionsSchema, options, 'createPages(options)'), runtime);
}

/** A page whose last fetch could not be shared is not waited for again within this time. */
const UNSHAREABLE_MS = 10_000;
const MOST_UNSHAREABLE = 10_000;

class PageCache implements Pages {
  readonly events = new Events<PageEvents>();
  readonly #options: ResolvedPageOptions;
  readonly #store: ValueStore<PageEntry>;
  readonly #layers: readonly InvalidationLayer[];
  readonly #clock: Clock;
  readonly #keeper: Keeper;
  readonly #responder: Responder;
  readonly #counters: PageCounters;
  readonly #crew: FlightCrew;
  readonly #flights = new Map<string, Flight>();
  /** Keys whose answers turned out to be for one client each → until when. */
  readonly #unshareable = new Map<string, number>();

  constructor(options: ResolvedPageOptions, given: PageRuntime) {
    const runtime = runtimeFrom(given);
    this.#options = options;
    this.#store = given.store;
    this.#layers = given.layers ?? [];
    this.#clock = runtime.clock;
    this.#keeper = new Keeper(given.store, new Compressor(options.compressConcurrency), options, runtime);
    this.#responder = new Responder(options.name, new EncodingChoices());
    this.#counters = new PageCounters(runtime.metrics, () => this.#flights.size);
    this.#crew = {
      keeper: this.#keeper,
      clock: runtime.clock,
      options,
      answer: (visit, found, how, collapsed) => this.#answer(visit, found, how, collapsed),
      pass: (visit, detail) => this.#pass(visit.exchange, visit.upstream, visit.reason, detail),
      fail: (visit, error) => this.#fail(visit.exchange, visit.reason, error),
      mayServe: (found) => this.#clock.now() < found.entry.freshUntilMs && !found.page.data.lifetimes.alwaysValidate,
      markUnshareable: (key) => this.#markUnshareable(key),
    };
  }

  serve(exchange: Exchange, upstream: Upstream): void {
    const { route, method, request } = exchange;
    const policy = route.cache;
    if (policy === undefined) return this.#pass(exchange, upstream, 'bypass');
    if (method !== 'GET' && method !== 'HEAD') return this.#passUnsafe(exchange, upstream);

    const raw = request.rawHeaders;
    const facts = requestFacts(raw);
    const address = addressOf(exchange, policy);
    const primary = primaryKey(address, policy, raw, facts.cookie);
    const lookup = this.#keeper.peek(primary, raw);
    const nowMs = this.#clock.now();
    const { found } = lookup;
    if (
      found !== undefined &&
      facts.plain &&
      nowMs < found.entry.freshUntilMs &&
      method === 'GET' &&
      isReady(found.page, nowMs)
    ) {
      const { page } = found;
      if (this.#responder.sendPlain(exchange.response, facts.acceptEncoding, page, route, nowMs, found.entry.freshUntilMs)) {
        page.hits++;
        page.route = route;
        this.#counters.of(route).hits.inc();
        return;
      }
    }
    this.#decide(exchange, upstream, policy, facts, lookup, nowMs, address, primary);
  }

  readonly prepared: PreparedAnswers = (authority, target, acceptEncoding, nowMs) => {
    const entry = this.#store.peek(`http://${authority}${target}`);
    if (entry === undefined || entry.value.kind !== 'page' || nowMs >= entry.freshUntilMs) return undefined;
    const page = entry.value;
    if (page.route === undefined || page.data.range !== undefined || nowMs >= page.earlyMs) return undefined;
    const { freshUntilMs } = entry;
    const answer = this.#responder.answerFor(page, acceptEncoding, page.route, nowMs, freshUntilMs);
    if (answer === undefined) return undefined;
    page.hits++;
    this.#counters.of(page.route).hits.inc();
    return (answer.prepared ??= {
      route: page.route,
      status: answer.status,
      body: answer.body,
      head: (atMs) => this.#responder.head(answer, page, atMs, freshUntilMs),
    });
  };

  async invalidate(request: InvalidationRequest): Promise<InvalidationReceipt> {
    this.#closeFlights(request);
    const receipt = await applyInvalidation(request, this.#store, this.#layers, this.#clock);
    // Those that began meanwhile may have asked the upstream before the data changed on it.
    this.#closeFlights(request);
    const { tags = [], paths = [], all = false, soft = false } = request;
    this.events.emit('invalidated', { tags, paths, all, soft });
    return receipt;
  }

  async reportChange(change: ChangeReport): Promise<ChangeReceipt> {
    const effect = changeEffect(change, this.#options.changeThreshold);
    if (effect !== 'now') return { effect, receipt: undefined };
    return { effect, receipt: await this.invalidate({ tags: [change.tag] }) };
  }

  stats(): PageStats {
    return this.#counters.stats();
  }

  async close(): Promise<void> {
    await Promise.allSettled([...this.#flights.values()].map((flight) => flight.outcome));
  }

  /** Everything but the plain hit. */
  #decide(
    exchange: Exchange,
    upstream: Upstream,
    policy: PageCachePolicy,
    facts: RequestFacts,
    lookup: Lookup,
    nowMs: number,
    address: PageAddress,
    primary: string,
  ): void {
    if (this.#options.profile === 'safe' && facts.hasAuthorization)
      return this.#pass(exchange, upstream, 'bypass', 'authorization');
    if (primary.length > this.#options.maxKeyLength) return this.#pass(exchange, upstream, 'bypass', 'key-too-long');
    if (facts.hasPrecondition) return this.#pass(exchange, upstream, 'request');
    const control = facts.cacheControl === undefined && facts.pragma === undefined ? undefined : requestControl(facts);
    const visit: Visit = { exchange, upstream, policy, facts, control, address, primary, reason: reasonFor(lookup) };
    const { found } = lookup;
    if (found !== undefined && this.#serveFromStore(visit, lookup, found, nowMs)) return;
    if (control?.onlyIfCached) return this.#problem(exchange, 504, 'Nothing usable is stored.', 'uri-miss');
    if (exchange.method === 'HEAD' || (facts.range !== undefined && found === undefined)) {
      return this.#pass(exchange, upstream, visit.reason);
    }
    if (this.#isUnshareable(primary, nowMs)) return this.#pass(exchange, upstream, visit.reason, 'unshareable');
    this.#board(visit, lookup);
  }

  /** False when the upstream has to be asked first. */
  #serveFromStore(visit: Visit, lookup: Lookup, found: Found, nowMs: number): boolean {
    const { page, entry } = found;
    const { lifetimes } = page.data;
    const asked = this.#honours(visit) ? visit.control : undefined;
    const staleMs = nowMs - entry.freshUntilMs;
    if (lifetimes.alwaysValidate) return false;
    if (asked && (asked.noCache || page.ageMs(nowMs) > asked.maxAgeMs || -staleMs < asked.minFreshMs)) {
      const isStaleEnough = asked.maxStaleMs !== undefined && !asked.noCache && staleMs <= asked.maxStaleMs;
      if (!isStaleEnough) {
        visit.reason = 'request';
        return false;
      }
    }
    if (staleMs < 0) {
      if (nowMs >= page.earlyMs) this.#refreshEarly(visit, lookup, page, nowMs);
      return this.#answer(visit, found, 'hit', false);
    }
    if (staleMs < lifetimes.staleWhileRevalidateMs) {
      if (nowMs >= page.retryAtMs) this.#refresh(visit, lookup);
      return this.#answer(visit, found, 'stale', false);
    }
    if (nowMs < page.retryAtMs && staleMs < lifetimes.staleIfUnreachableMs)
      return this.#answer(visit, found, 'stale-if-error', false);
    return false;
  }

  /** Clients may ask for fresher answers than the cache would give where the letter of the RFC is wanted. */
  #honours(visit: Visit): boolean {
    return this.#options.profile === 'rfc' && visit.policy.freshness === 'origin';
  }

  #board(visit: Visit, lookup: Lookup): void {
    const flying = this.#flights.get(lookup.key);
    if (flying?.join(visit)) return;
    if (this.#flights.size >= this.#options.maxFills) {
      return this.#pass(visit.exchange, visit.upstream, visit.reason, 'too-many-fills');
    }
    this.#counters.of(visit.exchange.route).misses.inc();
    this.#launch(visit.upstream, this.#targetOf(visit), lookup, visit);
  }

  #refresh(visit: Visit, lookup: Lookup): void {
    if (this.#flights.has(lookup.key) || this.#flights.size >= this.#options.maxFills) return;
    this.#launch(visit.upstream, { ...this.#targetOf(visit), clientIp: undefined }, lookup, undefined);
  }

  /** A page read more often than {@link BUSY_PER_HOUR} is made again before it expires. */
  #refreshEarly(visit: Visit, lookup: Lookup, page: StoredPage, nowMs: number): void {
    const hours = Math.max(nowMs - page.data.receivedMs, 1) / 3_600_000;
    page.earlyMs = Infinity;
    if (page.hits / hours > BUSY_PER_HOUR) this.#refresh(visit, lookup);
  }

  #launch(upstream: Upstream, target: FillTarget, lookup: Lookup, leader: Visit | undefined): void {
    const flight = new Flight(this.#crew, upstream, target, lookup, leader);
    this.#flights.set(lookup.key, flight);
    void flight.outcome.then((outcome) => {
      if (this.#flights.get(lookup.key) === flight) this.#flights.delete(lookup.key);
      this.#landed(target, lookup, outcome);
    });
  }

  #landed(target: FillTarget, lookup: Lookup, outcome: FlightOutcome): void {
    const series = this.#counters.of(target.route);
    const url = target.primary;
    const route = target.route.pattern;
    if (outcome.kind === 'failed') {
      series.fillFailures.inc();
      const page = lookup.found?.page;
      if (page)
        page.retryAtMs = this.#clock.now() + Math.min(this.#options.retryAfterError * 2 ** page.failures++, LONGEST_RETRY_MS);
      this.events.emit('fillFailed', { url, route, error: outcome.error, servedStale: page !== undefined });
    } else if (outcome.kind === 'stored') {
      series.fills.inc();
      const { body, renderMs } = outcome.page.data;
      if (this.events.has('stored')) this.events.emit('stored', { url, route, bytes: body.length, renderMs });
    }
  }

  #answer(
    visit: Visit,
    found: Found,
    how: 'hit' | 'stale' | 'validated' | 'filled' | 'stale-if-error',
    collapsed: boolean,
  ): boolean {
    const { exchange, facts } = visit;
    const { page, entry } = found;
    const marking: Marking =
      how === 'filled' || how === 'validated'
        ? {
            kind: 'forwarded',
            forwarded: { reason: visit.reason, stored: true, collapsed, ...(how === 'validated' ? { status: 304 } : {}) },
          }
        : how === 'stale-if-error'
          ? { kind: 'hit', detail: how }
          : { kind: 'hit' };
    const reply = { response: exchange.response, method: exchange.method, facts, route: exchange.route, page, marking };
    if (!this.#responder.send({ ...reply, freshUntilMs: entry.freshUntilMs, nowMs: this.#clock.now() })) return false;
    page.route = exchange.route;
    page.hits++;
    const series = this.#counters.of(exchange.route);
    if (how === 'hit') series.hits.inc();
    else if (how === 'stale' || how === 'stale-if-error') series.stale.inc();
    return true;
  }

  #pass(exchange: Exchange, upstream: Upstream, reason: ForwardReason, detail?: string): void {
    this.#counters.of(exchange.route).bypasses.inc();
    passThrough(exchange, upstream, {
      name: this.#options.name,
      forwarded: { reason, ...(detail === undefined ? {} : { detail }) },
      onError: (error) => this.#fail(exchange, reason, error),
    });
  }

  /** A method that changes something: what is stored of the URL is invalid once it succeeded (RFC 9111 §4.4). */
  #passUnsafe(exchange: Exchange, upstream: Upstream): void {
    this.#counters.of(exchange.route).bypasses.inc();
    passThrough(exchange, upstream, {
      name: this.#options.name,
      forwarded: { reason: 'method' },
      onHead: (status, fields) => {
        if (status < 400 && !SAFE_METHODS.has(exchange.method)) this.#invalidateUrls(exchange, fields);
      },
      onError: (error) => this.#fail(exchange, 'method', error),
    });
  }

  #invalidateUrls(exchange: Exchange, fields: Fields): void {
    const { scheme, authority, path, query } = exchange;
    const base = `${scheme}://${authority}${path}${query === '' ? '' : `?${query}`}`;
    const others = ['location', 'content-location'].flatMap((name) => sameOriginUrl(firstLine(fields, name), base));
    for (const url of new Set([base, ...others])) {
      this.#flights.get(url)?.close();
      this.#store.delete(url).catch(() => undefined);
    }
  }

  #fail(exchange: Exchange, reason: ForwardReason, error: unknown): void {
    const { status, detail, retryAfterSeconds } = answerToFault(error);
    if (retryAfterSeconds !== undefined && !exchange.response.headersSent)
      exchange.response.setHeader('retry-after', retryAfterSeconds);
    this.#problem(exchange, status, detail, reason);
  }

  #problem({ response, requestId, method }: Exchange, status: number, detail: string, reason: ForwardReason): void {
    if (response.headersSent || response.destroyed) return void response.destroy();
    const problem = problemAnswer(status, detail, requestId, forwardStatus(this.#options.name, { reason }));
    response.writeHead(status, problem.fields);
    response.end(method === 'HEAD' ? undefined : problem.body);
  }

  #targetOf(visit: Visit): FillTarget {
    const { exchange, policy, facts, address, primary } = visit;
    const { route, request, clientIp } = exchange;
    const raw = request.rawHeaders;
    return {
      route,
      policy,
      address,
      primary,
      selecting: raw,
      fields: fillFields(raw, facts.cookie, policy, this.#options.profile),
      tags: routeTags(exchange),
      hasAuthorization: facts.hasAuthorization,
      hasCookie: facts.cookie !== undefined && policy.freshness === 'origin',
      requestNoStore: this.#honours(visit) && visit.control?.noStore === true,
      clientIp,
    };
  }

  #closeFlights({ tags = [], paths = [], all = false }: InvalidationRequest): void {
    for (const flight of this.#flights.values()) {
      const { target } = flight;
      if (all || paths.includes(target.address.path) || target.tags.some((tag) => tags.includes(tag))) flight.close();
    }
  }

  #markUnshareable(key: string): void {
    if (this.#unshareable.size >= MOST_UNSHAREABLE) this.#unshareable.clear();
    this.#unshareable.set(key, this.#clock.now() + UNSHAREABLE_MS);
  }

  #isUnshareable(key: string, nowMs: number): boolean {
    const untilMs = this.#unshareable.get(key);
    if (untilMs === undefined) return false;
    if (nowMs < untilMs) return true;
    this.#unshareable.delete(key);
    return false;
  }
}

const BUSY_PER_HOUR = 100;
const LONGEST_RETRY_MS = 60_000;
const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);

function addressOf({ scheme, authority, path, query }: Exchange, policy: PageCachePolicy): PageAddress {
  return { scheme, authority, path, query: normaliseQuery(query, policy.query) };
}

/** Nothing is to be done with this page beside sending it. */
function isReady(page: StoredPage, nowMs: number): boolean {
  return nowMs < page.earlyMs && page.data.range === undefined && !page.data.lifetimes.alwaysValidate;
}

function reasonFor({ index, found }: Lookup): ForwardReason {
  return found !== undefined ? 'stale' : index === undefined ? 'uri-miss' : 'vary-miss';
}

/** `Location` of an answer as a key, when it lies on the same origin. */
function sameOriginUrl(location: string | undefined, base: string): string[] {
  if (location === undefined || !URL.canParse(location, base)) return [];
  const url = new URL(location, base);
  return url.origin === new URL(base).origin ? [`${url.protocol}//${url.host}${url.pathname}${url.search}`] : [];
}
