import type { ValueStore } from '../cache/index.ts';
import { type Clock, Events, parseOptions, type Runtime, runtimeFrom } from '../kernel/index.ts';
import type { PageCachePolicy, Priority, RouteMatch } from '../policy/index.ts';
import type { Exchange, PreparedAnswers, Upstream } from '../ports/index.ts';
import { type Forwarded, type ForwardReason, forwardStatus } from './cache-status.ts';
import { changeEffect, type ChangeReport, type ChangeReceipt } from './changes.ts';
import { Compressor, EncodingChoices } from './encodings.ts';
import type { PageEvents } from './events.ts';
import { explanationOf, type PageExplanation } from './explain.ts';
import { type Fields, fieldValue, firstLine } from './fields.ts';
import type { AnswerKind, FlightCrew, FlightOutcome } from './flight.ts';
import { Flights } from './flights.ts';
import { servesStaleMs } from './freshness.ts';
import { applyInvalidation, type InvalidationLayer, type InvalidationReceipt, type InvalidationRequest } from './invalidation.ts';
import { Keeper, type Found, type Lookup, withoutPart } from './keeper.ts';
import { normaliseQuery, type PageAddress, primaryKey } from './key.ts';
import { type PageOptions, pageOptionsSchema, type PageSettings } from './options.ts';
import { type PassExtras, passThrough } from './pass.ts';
import { answerToFault, problemAnswer } from './problem.ts';
import type { RegenerationAnalytics } from './regeneration-analytics.ts';
import type { QueueAnswer } from './regeneration-queue.ts';
import { type Pressure, Regenerator } from './regenerator.ts';
import { type RequestControl, requestControl, type RequestFacts, requestFacts } from './request.ts';
import { type Marking, Responder } from './respond.ts';
import { PageCounters } from './counters.ts';
import type { RegenerationAdvice, RegenerationReason } from './schedule.ts';
import { SearchVariances } from './search-variance.ts';
import type { PageEntry, StoredPage } from './stored-page.ts';
import { groupTags, routeTags } from './tags.ts';
import { fillFields } from './upstream-request.ts';
import type { FillTarget, Visit } from './visit.ts';
import type { WarmingReport } from './warming.ts';
import { WriteThrough } from './write-through.ts';

/** What the page cache is handed beside its options. */
export interface PageRuntime extends Partial<Runtime> {
  /** Where pages are kept; made with `pageCodec`. */
  readonly store: ValueStore<PageEntry>;
  /** Layers beyond the pages that an invalidation reaches afterwards, in order. */
  readonly layers?: readonly InvalidationLayer[];
  /** The route of a path, for making pages nobody has asked for yet. */
  readonly match?: (path: string) => RouteMatch | undefined;
  /** Who makes those. */
  readonly upstream?: Upstream;
  /** How hard the process works; regeneration gives way. Default: not at all. */
  readonly pressure?: () => Pressure;
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
  /** Whether the page at `path`, made at `lastGenerated` (ms since the epoch; undefined: never), is due, why, how urgently. */
  shouldRegenerate(path: string, lastGenerated: number | Date | undefined): RegenerationAdvice;
  /** Has a page made again behind the scenes, in its turn. */
  queueRegeneration(path: string, reason?: RegenerationReason, priority?: Priority): QueueAnswer;
  /** What was made again, why, at what cost; and what warming ahead brought. */
  analytics(): PageAnalytics;
  /** What is stored for a URL and what becomes of it; the route's policy comes from `match`. */
  explain(url: string): Promise<PageExplanation>;
  stats(): PageStats;
  close(): Promise<void>;
}

export type PageAnalytics = RegenerationAnalytics & { readonly warming: WarmingReport };

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
  return pagesFrom(parseOptions(pageOptionsSchema, options, 'createPages(options)'), runtime);
}

/** The same from settings that were checked already, such as a resolved policy's. */
export function pagesFrom(settings: PageSettings, runtime: PageRuntime): Pages {
  return new PageCache(settings, runtime);
}

class PageCache implements Pages {
  readonly events = new Events<PageEvents>();
  readonly #options: PageSettings;
  readonly #store: ValueStore<PageEntry>;
  readonly #layers: readonly InvalidationLayer[];
  readonly #clock: Clock;
  readonly #keeper: Keeper;
  readonly #responder: Responder;
  readonly #writer: WriteThrough;
  readonly #counters: PageCounters;
  readonly #flights: Flights;
  readonly #regenerator: Regenerator;
  readonly #pressure: () => Pressure;
  readonly #match: PageRuntime['match'];
  readonly #predicts: boolean;
  readonly #variances = new SearchVariances();

  constructor(options: PageSettings, given: PageRuntime) {
    const runtime = runtimeFrom(given);
    this.#options = options;
    this.#store = given.store;
    this.#layers = given.layers ?? [];
    this.#clock = runtime.clock;
    this.#keeper = new Keeper(given.store, new Compressor(options.compressConcurrency), options, runtime);
    this.#writer = new WriteThrough(this.#keeper, options, runtime.clock, (...request) => this.#send(...request));
    this.#responder = new Responder(options.name, new EncodingChoices());
    this.#counters = new PageCounters(runtime.metrics, () => this.#flights.size);
    this.#pressure = given.pressure ?? (() => 'none');
    this.#match = given.match;
    this.#predicts = options.predict.enabled;
    const { clock } = runtime;
    this.#flights = new Flights({
      crew: this.#crewOf(),
      clock,
      options,
      counters: this.#counters,
      events: this.events,
      onLanded: (target, upstream, outcome) => this.#note(target, upstream, outcome),
    });
    this.#regenerator = new Regenerator({
      options,
      runtime,
      store: given.store,
      keeper: this.#keeper,
      flights: this.#flights,
      events: this.events,
      match: given.match,
      upstream: given.upstream,
      pressure: this.#pressure,
    });
  }

  serve(exchange: Exchange, upstream: Upstream): void {
    const { route, method, request } = exchange;
    const policy = route.cache;
    if (policy === undefined) return this.#pass(exchange, upstream, 'bypass');
    if (method !== 'GET' && method !== 'HEAD') return this.#passUnsafe(exchange, upstream, policy);

    const raw = request.rawHeaders;
    const facts = requestFacts(raw, method);
    const address = addressOf(exchange, policy);
    const keyedQuery = this.#variances.keyed(address.authority, address.path, address.query);
    const primary = primaryKey(address, policy, raw, facts.cookie, keyedQuery);
    if (this.#predicts) this.#regenerator.observe(exchange.clientIp, primary);
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
        page.traffic.hits++;
        page.route = route;
        this.#counters.of(route).hits.inc();
        return;
      }
    }
    const visit = { exchange, upstream, policy, facts, control: controlOf(facts), address, primary, reason: reasonFor(lookup) };
    this.#decide(visit, lookup, nowMs);
  }

  readonly prepared: PreparedAnswers = ({ url, acceptEncoding, ifNoneMatch }, nowMs) => {
    const entry = this.#store.peek(url, nowMs);
    if (entry === undefined || entry.value.kind !== 'page' || nowMs >= entry.freshUntilMs) return undefined;
    const page = entry.value;
    if (page.route === undefined || !isReady(page, nowMs)) return undefined;
    const { freshUntilMs } = entry;
    const answer = this.#responder.answerFor(page, acceptEncoding, page.route, nowMs, freshUntilMs);
    if (answer === undefined) return undefined;
    page.traffic.hits++;
    this.#counters.of(page.route).hits.inc();
    return this.#responder.prepared(answer, page, page.route, ifNoneMatch, freshUntilMs);
  };

  async invalidate(request: InvalidationRequest): Promise<InvalidationReceipt> {
    this.#flights.close(request);
    const receipt = await applyInvalidation(request, this.#store, this.#layers, this.#clock);
    // Those that began meanwhile may have asked the upstream before the data changed on it.
    this.#flights.close(request);
    const { tags = [], paths = [], all = false, soft = false } = request;
    this.events.emit('invalidated', { tags, paths, all, soft });
    return receipt;
  }

  async reportChange(change: ChangeReport): Promise<ChangeReceipt> {
    const effect = changeEffect(change, this.#options.changeThreshold);
    if (effect !== 'now') return { effect, receipt: undefined, queued: 0 };
    const receipt = await this.invalidate({ tags: [change.tag] });
    return { effect, receipt, queued: await this.#regenerator.queueTag(change.tag) };
  }

  shouldRegenerate(path: string, lastGenerated: number | Date | undefined): RegenerationAdvice {
    return this.#regenerator.advise(path, lastGenerated instanceof Date ? lastGenerated.getTime() : lastGenerated);
  }

  queueRegeneration(path: string, reason: RegenerationReason = 'manual', priority?: Priority): QueueAnswer {
    return this.#regenerator.queue(path, reason, priority);
  }

  analytics(): PageAnalytics {
    return this.#regenerator.analytics();
  }

  async explain(url: string): Promise<PageExplanation> {
    const { protocol, host, pathname, search } = new URL(url);
    const policy = this.#match?.(pathname)?.route.cache;
    if (policy === undefined) return { key: url, stored: false };
    const query = normaliseQuery(search.slice(1), policy.query);
    const primary = primaryKey({ scheme: protocol.slice(0, -1), authority: host, path: pathname, query }, policy, [], undefined);
    const { key, found } = await this.#keeper.look(primary, []);
    return explanationOf(key, found, this.#clock);
  }

  stats(): PageStats {
    return this.#counters.stats();
  }

  async close(): Promise<void> {
    this.#regenerator.close();
    await this.#flights.settled();
  }

  /** Everything but the plain hit. */
  #decide(visit: Visit, seen: Lookup, nowMs: number): void {
    const { exchange, upstream, facts, control, primary } = visit;
    if (this.#options.profile === 'safe' && facts.hasAuthorization)
      return this.#pass(exchange, upstream, 'bypass', 'authorization');
    if (primary.length > this.#options.maxKeyLength) return this.#pass(exchange, upstream, 'bypass', 'key-too-long');
    if (facts.hasPrecondition) return this.#pass(exchange, upstream, 'request');
    const lookup = facts.range === undefined ? withoutPart(seen) : seen;
    visit.reason = reasonFor(lookup);
    const found = lookup.found;
    if (found !== undefined && this.#serveFromStore(visit, lookup, found, nowMs)) return;
    if (control?.onlyIfCached) return this.#problem(exchange, 504, 'Nothing usable is stored.', 'uri-miss');
    if (exchange.method === 'HEAD') return this.#writer.head(visit, this.#targetOf(visit), lookup);
    if (facts.range !== undefined && (found === undefined || found.page.data.range !== undefined)) {
      return void this.#writer.range(visit, this.#targetOf(visit), lookup);
    }
    if (this.#flights.isUnshareable(primary, nowMs)) return this.#pass(exchange, upstream, visit.reason, 'unshareable');
    this.#board(visit, lookup);
  }

  /** False when the upstream has to be asked first. */
  #serveFromStore(visit: Visit, lookup: Lookup, found: Found, nowMs: number): boolean {
    const { page, entry } = found;
    const { lifetimes } = page.data;
    const asked = this.#honours(visit) ? visit.control : undefined;
    const staleMs = nowMs - entry.freshUntilMs;
    if (lifetimes.alwaysValidate) return false;
    if (asked && isRefused(asked, page, staleMs, nowMs)) {
      visit.reason = 'request';
      return false;
    }
    if (staleMs < 0) {
      if (nowMs >= page.earlyMs) this.#refreshEarly(visit, lookup, page, nowMs);
      return this.#answer(visit, found, 'hit', false);
    }
    if (staleMs < this.#staleMs(page)) {
      if (!this.#flights.isResting(lookup.key)) this.#refresh(visit, lookup);
      return this.#answer(visit, found, 'stale', false);
    }
    const acceptedMs = lifetimes.neverStale ? 0 : (asked?.maxStaleMs ?? 0);
    if (staleMs < acceptedMs) return this.#answer(visit, found, 'hit', false);
    if (staleMs < lifetimes.staleIfUnreachableMs && this.#flights.isResting(lookup.key))
      return this.#answer(visit, found, 'stale-if-error', false);
    return false;
  }

  /** How long past its freshness a page serves now while a new one is made behind it. */
  #staleMs({ data }: StoredPage): number {
    const { usualMs, pressedMs } = servesStaleMs(data.lifetimes, this.#options.profile);
    return this.#pressure() === 'none' ? usualMs : pressedMs;
  }

  /** Clients may ask for fresher answers than the cache would give where the letter of the RFC is wanted. */
  #honours(visit: Visit): boolean {
    return this.#options.profile === 'rfc' && visit.policy.freshness === 'origin';
  }

  #board(visit: Visit, lookup: Lookup): void {
    if (this.#flights.join(visit, lookup.key)) return;
    if (this.#flights.isFull) return this.#pass(visit.exchange, visit.upstream, visit.reason, 'too-many-fills');
    this.#counters.of(visit.exchange.route).misses.inc();
    void this.#flights.launch(visit.upstream, this.#targetOf(visit), lookup, visit);
  }

  /** Makes a new page behind the answer, unless the process has better things to do. */
  #refresh(visit: Visit, lookup: Lookup): void {
    if (this.#flights.has(lookup.key) || this.#flights.isFull || this.#pressure() === 'critical') return;
    void this.#flights.launch(visit.upstream, { ...this.#targetOf(visit), clientIp: undefined }, lookup, undefined);
  }

  /** A much read page is made again before it expires. */
  #refreshEarly(visit: Visit, lookup: Lookup, page: StoredPage, nowMs: number): void {
    page.earlyMs = Infinity;
    const isPopular = page.traffic.perHour(nowMs) > this.#options.regeneration.popularAbovePerHour;
    if (isPopular && this.#pressure() === 'none') this.#refresh(visit, lookup);
  }

  /** Keeps in mind what is now stored, for making it again and for finding it. */
  #note(target: FillTarget, upstream: Upstream, outcome: FlightOutcome): void {
    const page = outcome.kind === 'stored' || outcome.kind === 'validated' ? outcome.page : pageFound(outcome);
    if (page === undefined) return;
    this.#regenerator.noteStored(target, upstream, page);
    const { authority, path } = target.address;
    this.#variances.note(`${authority}${path}`, fieldValue(page.data.fields, 'no-vary-search'));
  }

  #crewOf(): FlightCrew {
    return {
      keeper: this.#keeper,
      clock: this.#clock,
      options: this.#options,
      answer: (visit, found, how, collapsed) => this.#answer(visit, found, how, collapsed),
      pass: (visit, detail) => this.#pass(visit.exchange, visit.upstream, visit.reason, detail),
      fail: (visit, error) => this.#fail(visit.exchange, visit.reason, error),
      use: ({ entry, page }) => usability(page, this.#clock.now() - entry.freshUntilMs, this.#staleMs(page)),
      isResting: (key) => this.#flights.isResting(key),
      markUnshareable: (key) => this.#flights.markUnshareable(key),
    };
  }

  #answer(visit: Visit, found: Found, how: AnswerKind, collapsed: boolean): boolean {
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
    page.traffic.hits++;
    const series = this.#counters.of(exchange.route);
    if (how === 'hit') series.hits.inc();
    else if (how === 'stale' || how === 'stale-if-error') series.stale.inc();
    return true;
  }

  #pass(exchange: Exchange, upstream: Upstream, reason: ForwardReason, detail?: string): void {
    this.#send(exchange, upstream, { reason, ...(detail === undefined ? {} : { detail }) });
  }

  #send(exchange: Exchange, upstream: Upstream, forwarded: Forwarded, extras: PassExtras = {}): void {
    this.#counters.of(exchange.route).bypasses.inc();
    const onError = (error: Error): void => this.#fail(exchange, forwarded.reason, error);
    passThrough(exchange, upstream, { name: this.#options.name, forwarded, onError, ...extras });
  }

  /** A method that changes something: what is stored of the URL is invalid once it succeeded (RFC 9111 §4.4). */
  #passUnsafe(exchange: Exchange, upstream: Upstream, policy: PageCachePolicy): void {
    const onHead = (status: number, fields: Fields): number => {
      if (status < 400 && !SAFE_METHODS.has(exchange.method)) this.#invalidateUrls(exchange, policy, fields);
      return 0;
    };
    this.#send(exchange, upstream, { reason: 'method' }, { onHead });
  }

  #invalidateUrls(exchange: Exchange, policy: PageCachePolicy, fields: Fields): void {
    const { scheme, authority, path, query } = exchange;
    const own = `${scheme}://${authority}${path}${query === '' ? '' : `?${query}`}`;
    const named = ['location', 'content-location'].flatMap((name) => sameOrigin(firstLine(fields, name), own));
    const targets = [{ path, query }, ...named];
    const groups = groupTags('cache-group-invalidation', fields, `${scheme}://${authority}`);
    const isSplit = policy.varyHeaders.length + policy.varyCookies.length > 0;
    for (const target of targets) {
      const key = primaryKey(
        { scheme, authority, ...target, query: normaliseQuery(target.query, policy.query) },
        PLAIN,
        [],
        undefined,
      );
      this.#flights.closeKey(key);
      this.#write(this.#store.delete(key));
    }
    // Where headers or cookies split a URL into several keys, the path's tag reaches them all.
    const paths = isSplit ? targets.map((target) => target.path) : [];
    if (groups.length + paths.length > 0) this.#write(this.invalidate({ tags: groups, paths }));
  }

  #fail(exchange: Exchange, reason: ForwardReason, error: unknown): void {
    const { status, detail, retryAfterSeconds } = answerToFault(error);
    if (retryAfterSeconds !== undefined && !exchange.response.headersSent)
      exchange.response.setHeader('retry-after', retryAfterSeconds);
    this.#problem(exchange, status, detail, reason);
  }

  #problem(
    { response, requestId, method, ownFields = [] }: Exchange,
    status: number,
    detail: string,
    reason: ForwardReason,
  ): void {
    if (response.headersSent || response.destroyed) return void response.destroy();
    const problem = problemAnswer(status, detail, requestId, forwardStatus(this.#options.name, { reason }));
    response.writeHead(status, [...problem.fields, ...ownFields]);
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

  /** Storing on the way must not disturb the answer; the store counts and reports its own faults. */
  #write(work: Promise<unknown>): void {
    work.catch(() => undefined);
  }
}

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);

function addressOf({ scheme, authority, path, query }: Exchange, policy: PageCachePolicy): PageAddress {
  return { scheme, authority, path, query: normaliseQuery(query, policy.query) };
}

function pageFound(outcome: FlightOutcome): StoredPage | undefined {
  return outcome.kind === 'found' ? outcome.found?.page : undefined;
}

/** What a stored page is good for, `staleMs` past its freshness (negative: fresh), without the upstream's word. */
function usability({ data }: StoredPage, staleMs: number, allowedMs: number): 'fresh' | 'stale' | 'no' {
  if (data.lifetimes.alwaysValidate) return 'no';
  return staleMs < 0 ? 'fresh' : staleMs < allowedMs ? 'stale' : 'no';
}

/** Whether a request asks for a fresher answer than the stored one (RFC 9111 §5.2.1). */
function isRefused(asked: RequestControl, page: StoredPage, staleMs: number, nowMs: number): boolean {
  if (asked.noCache || asked.noStore || page.ageMs(nowMs) > asked.maxAgeMs) return true;
  return asked.minFreshMs > 0 && -staleMs < asked.minFreshMs;
}

/** Nothing is to be done with this page beside sending it. */
function isReady(page: StoredPage, nowMs: number): boolean {
  return nowMs < page.earlyMs && page.data.range === undefined && !page.data.lifetimes.alwaysValidate;
}

/** What the request asks of caches; undefined: nothing. */
function controlOf(facts: RequestFacts): RequestControl | undefined {
  return facts.cacheControl === undefined && facts.pragma === undefined ? undefined : requestControl(facts);
}

function reasonFor({ index, found }: Lookup): ForwardReason {
  return found !== undefined ? 'stale' : index === undefined ? 'uri-miss' : 'vary-miss';
}

/** Where `Location` of an answer leads, when that lies on the same origin. */
function sameOrigin(location: string | undefined, own: string): { path: string; query: string }[] {
  if (location === undefined || !URL.canParse(location, own)) return [];
  const url = new URL(location, own);
  return url.origin === new URL(own).origin ? [{ path: url.pathname, query: url.search.slice(1) }] : [];
}

/** A policy under which a URL is one page. */
const PLAIN = { varyHeaders: [], varyCookies: [] };
