import type { Entry, FillLease } from '../cache/index.ts';
import { type Clock, SpillwayError } from '../kernel/index.ts';
import type { Upstream, UpstreamExchange, UpstreamReceiver } from '../ports/index.ts';
import { Broadcast } from './broadcast.ts';
import { forwardStatus } from './cache-status.ts';
import { updatedFields, validatingFields } from './conditional.ts';
import { type Fields, firstLine } from './fields.ts';
import { judge, type Lifetimes, type Verdict } from './freshness.ts';
import { type Found, type Keeper, type Lookup, withoutPart } from './keeper.ts';
import type { PageSettings } from './options.ts';
import { rawValue } from './key.ts';
import { outgoingFields, outgoingVary } from './ready-answer.ts';
import { isNegotiated } from './encodings.ts';
import { formatHttpDate } from './http-date.ts';
import { sendInformation } from './information.ts';
import { needsWholePage } from './request.ts';
import type { PageEntry, StoredPage } from './stored-page.ts';
import type { FillTarget, Visit } from './visit.ts';

/** How a flight ended. */
export type FlightOutcome =
  | { readonly kind: 'found'; readonly found: Found | undefined }
  | { readonly kind: 'stored'; readonly page: StoredPage; readonly bytesChanged: boolean; readonly tookMs: number }
  | { readonly kind: 'fenced' }
  | { readonly kind: 'validated'; readonly page: StoredPage; readonly tookMs: number }
  | { readonly kind: 'not-stored'; readonly why: string }
  | { readonly kind: 'failed'; readonly error: unknown };

/** How a stored page came to answer: fresh, stale while a new one is made, after a 304, after its fetch, for want of better. */
export type AnswerKind = 'hit' | 'stale' | 'validated' | 'filled' | 'stale-if-error';

/** What a flight asks of the room around it. */
export interface FlightCrew {
  readonly keeper: Keeper;
  readonly clock: Clock;
  readonly options: PageSettings;
  /** Answers a client from the store; false when it cannot be. */
  answer(visit: Visit, found: Found, how: AnswerKind, collapsed: boolean): boolean;
  /** Sends a client's request on by itself. */
  pass(visit: Visit, detail?: string): void;
  /** Answers with a problem document: the upstream failed and nothing usable is stored. */
  fail(visit: Visit, error: unknown): void;
  /** Whether a stored page may answer without the upstream's word, for a client that asked for nothing special. */
  use(found: Found): 'fresh' | 'stale' | 'no';
  /** Whether the last attempts at a page failed so lately that it is left alone. */
  isResting(key: string): boolean;
  /** The request for `target` must not be shared for a while: nobody waits for another's fetch. */
  markUnshareable(key: string): void;
}

/** So often a client waits for another process to bring a page before it is fetched without asking further. */
const MOST_WAITS = 3;

/** Statuses that count as an error for `stale-if-error` (RFC 5861 §4). */
const ERRORS = new Set([500, 502, 503, 504]);

/**
 * One fetch of a page, for whoever asks for it meanwhile: looks into the shared store, asks for the right to fill, asks
 * the upstream, streams to the clients waiting, and stores.
 */
export class Flight {
  readonly target: FillTarget;
  readonly key: string;
  readonly outcome: Promise<FlightOutcome>;
  readonly #crew: FlightCrew;
  readonly #upstream: Upstream;
  #waiting: Visit[] = [];
  #leader: Visit | undefined;
  #fill: Fill | undefined;
  /** Found in the store and served while the new one is made. */
  #stale: Found | undefined;
  #joinable = true;
  #overtaken = false;

  constructor(crew: FlightCrew, upstream: Upstream, target: FillTarget, lookup: Lookup, leader: Visit | undefined) {
    this.#crew = crew;
    this.#upstream = upstream;
    this.target = target;
    this.key = lookup.key;
    this.#leader = leader;
    if (leader) this.#waiting.push(leader);
    this.outcome = this.#fly(lookup).finally(() => (this.#joinable = false));
  }

  /** Takes one more client on board; false when it came too late. */
  join(visit: Visit): boolean {
    if (!this.#joinable) return false;
    if (this.#stale !== undefined && this.#crew.use(this.#stale) !== 'no')
      return this.#crew.answer(visit, this.#stale, 'stale', false);
    if (this.#fill?.hasHead) return this.#fill.join(visit, true);
    this.#waiting.push(visit);
    return true;
  }

  /** From now on new clients start a flight of their own: an invalidation came. */
  close(): void {
    this.#joinable = false;
    this.#overtaken = true;
  }

  /** An invalidation came after it began: what it brings is not stored. */
  get isOvertaken(): boolean {
    return this.#overtaken;
  }

  async #fly(known: Lookup): Promise<FlightOutcome> {
    let lookup = known;
    let lease: FillLease<PageEntry> | undefined;
    try {
      if (lookup.found === undefined) {
        lookup = await this.#look();
        if (this.#serveFound(lookup)) return { kind: 'found', found: lookup.found };
      }
      for (let waits = 0; waits < MOST_WAITS && lease === undefined; waits++) {
        const right = await this.#crew.keeper.begin(this.target, lookup.key);
        if (right.role === 'leader') lease = right;
        else if (this.#nobodyWaits) {
          return right.failure ? { kind: 'failed', error: right.failure.error } : { kind: 'found', found: undefined };
        } else if (right.failure) break;
        else {
          await this.#patience(right.done);
          lookup = await this.#look();
          if (this.#serveFound(lookup)) return { kind: 'found', found: lookup.found };
        }
      }
    } catch {
      // A store that is away must not keep pages from being served; the store itself counts and reports its faults.
      lease = undefined;
    }
    return this.#fetch(lookup, lease);
  }

  get #nobodyWaits(): boolean {
    return this.#waiting.length === 0;
  }

  async #look(): Promise<Lookup> {
    return withoutPart(await this.#crew.keeper.look(this.target.primary, this.target.selecting));
  }

  /** Followers in the fleet wait for the leader at most as long as the upstream may take. */
  async #patience(done: Promise<unknown>): Promise<void> {
    const waited = new AbortController();
    await Promise.race([done, this.#crew.clock.sleep(this.target.route.timeoutMs, waited.signal).catch(() => undefined)]);
    waited.abort();
  }

  /** Answers those who wait with what the store had. True when nothing more is to be done. */
  #serveFound({ found }: Lookup): boolean {
    const use = found === undefined ? 'no' : this.#crew.use(found);
    if (found === undefined || use === 'no') return false;
    const isEnough = use === 'fresh' || this.#crew.isResting(this.key);
    if (isEnough) this.#joinable = false;
    else this.#stale = found;
    this.#leader = undefined;
    for (const visit of this.#takeWaiting()) {
      if (!this.#crew.answer(visit, found, use === 'fresh' ? 'hit' : 'stale', false)) this.#crew.pass(visit);
    }
    return isEnough;
  }

  async #fetch(lookup: Lookup, lease: FillLease<PageEntry> | undefined): Promise<FlightOutcome> {
    lease?.signal.addEventListener('abort', () => this.close(), { once: true });
    const fill = new Fill(this.#crew, this.target, lookup, this.#leader, () => this.#takeWaiting());
    this.#fill = fill;
    fill.start(this.#upstream);
    const end = await fill.end;
    try {
      if (end.kind !== 'page') {
        // Where a good page can serve, the whole fleet lets the failing one rest; where clients wait, each try is theirs.
        await lease?.abandon(end.kind === 'failed' && lookup.found !== undefined ? end.error : undefined);
        return end;
      }
      const stored = lease !== undefined && (await this.#crew.keeper.keep(this.target, lookup, lease, end.page));
      if (!stored) return { kind: 'fenced' };
      const bytesChanged = lookup.found?.page.data.etag !== end.page.data.etag;
      if (end.validated) return { kind: 'validated', page: end.page, tookMs: end.page.data.renderMs };
      return { kind: 'stored', page: end.page, bytesChanged, tookMs: end.page.data.renderMs };
    } catch (error) {
      return { kind: 'failed', error };
    }
  }

  #takeWaiting(): Visit[] {
    const waiting = this.#waiting;
    this.#waiting = [];
    return waiting;
  }
}

type FillEnd =
  | { readonly kind: 'page'; readonly page: StoredPage; readonly validated: boolean }
  | { readonly kind: 'not-stored'; readonly why: string }
  | { readonly kind: 'failed'; readonly error: unknown };

/** One answer of the upstream on its way to clients and store. */
class Fill implements UpstreamReceiver {
  readonly end: Promise<FillEnd>;
  #settle!: (end: FillEnd) => void;
  readonly #crew: FlightCrew;
  readonly #target: FillTarget;
  readonly #stale: Found | undefined;
  readonly #leader: Visit | undefined;
  readonly #takeWaiting: () => Visit[];
  readonly #broadcast: Broadcast;
  readonly #conditions: string[];
  #exchange: UpstreamExchange | undefined;
  #requestMs = 0;
  #startedMs = 0;
  #receivedMs = 0;
  #status = 0;
  #fields: Fields = [];
  #verdict: Verdict | undefined;
  /** Clients that need the whole page before they can be answered: conditions, ranges. */
  #afterwards: [visit: Visit, collapsed: boolean][] = [];
  #state: 'asked' | 'streaming' | 'whole' | 'done' = 'asked';

  constructor(crew: FlightCrew, target: FillTarget, lookup: Lookup, leader: Visit | undefined, takeWaiting: () => Visit[]) {
    this.#crew = crew;
    this.#target = target;
    this.#stale = lookup.found;
    this.#leader = leader;
    this.#takeWaiting = takeWaiting;
    this.#conditions = lookup.found === undefined ? [] : validatingFields(lookup.found.page.data.fields);
    this.#broadcast = new Broadcast(
      crew.options.maxBodySize,
      () => this.#exchange?.resume(),
      () => this.#deserted(),
    );
    this.end = new Promise((resolve) => (this.#settle = resolve));
  }

  /** The upstream has begun to answer. */
  get hasHead(): boolean {
    return this.#state !== 'asked';
  }

  start(upstream: Upstream): void {
    const { route, address, fields, clientIp } = this.#target;
    this.#requestMs = this.#crew.clock.now();
    this.#startedMs = this.#crew.clock.monotonic();
    const encoding = this.#crew.options.compress ? ['accept-encoding', 'identity'] : [];
    this.#exchange = upstream.dispatch(
      {
        upstream: route.upstream,
        method: 'GET',
        scheme: address.scheme as 'http' | 'https',
        authority: address.authority,
        target: address.query === '' ? address.path : `${address.path}?${address.query}`,
        headers: [...fields, ...encoding, ...this.#conditions],
        body: undefined,
        timeoutMs: route.timeoutMs,
        ...(clientIp === undefined ? {} : { clientIp }),
      },
      this,
    );
  }

  /** Adds a client while the answer streams or is made ready; false when its beginning is not in memory any more. */
  join(visit: Visit, collapsed: boolean): boolean {
    if (this.#state === 'done' || !this.#broadcast.isKept) return false;
    if (this.#state === 'whole' || needsWholePage(visit.facts)) this.#afterwards.push([visit, collapsed]);
    else this.#stream(visit, collapsed);
    return true;
  }

  onInformation(status: number, fields: Fields): void {
    if (this.#leader) sendInformation(this.#leader.exchange.response, status, fields);
  }

  onHead(status: number, fields: Fields): void {
    if (this.#state === 'done') return;
    this.#status = status;
    this.#receivedMs = this.#crew.clock.now();
    this.#fields = firstLine(fields, 'date') === undefined ? [...fields, 'date', formatHttpDate(this.#receivedMs)] : fields;
    if (status === 304 && this.#conditions.length > 0) return this.#validated();
    if (ERRORS.has(status) && (this.#serveStale('error') || this.#leader === undefined)) {
      return this.#finish({ kind: 'failed', error: this.#errorOf(`the upstream answered ${status}`) }, true);
    }
    this.#verdict = this.#judge();
    if (this.#verdict.store && isTooLarge(fields, this.#crew.options.maxBodySize))
      this.#verdict = { store: false, why: 'too-large' };
    if (this.#verdict.store) this.#streamToAll();
    else this.#streamToOne(this.#verdict.why);
  }

  onData(chunk: Buffer): boolean {
    return this.#state !== 'streaming' || this.#broadcast.push(chunk);
  }

  onEnd(trailers: readonly string[]): void {
    if (this.#state !== 'streaming') return;
    const body = this.#broadcast.end(trailers);
    if (!this.#verdict?.store) return this.#finish({ kind: 'not-stored', why: this.#verdict?.why ?? 'unknown' });
    if (body === undefined) {
      this.#passAfterwards('too-large');
      return this.#finish({ kind: 'not-stored', why: 'too-large' });
    }
    this.#state = 'whole';
    void this.#make(body, this.#verdict);
  }

  onError(error: Error): void {
    if (this.#state === 'done') return;
    if (this.#state === 'streaming') {
      this.#broadcast.destroy();
      for (const [visit] of this.#takeAfterwards()) this.#crew.fail(visit, error);
    } else if (!this.#serveStale('unreachable')) {
      for (const visit of this.#takeWaiting()) this.#crew.fail(visit, error);
    }
    this.#finish({ kind: 'failed', error });
  }

  #judge(): Verdict {
    const { hasAuthorization, hasCookie, requestNoStore, policy } = this.#target;
    const facts = {
      status: this.#status,
      fields: this.#fields,
      requestMs: this.#requestMs,
      responseMs: this.#receivedMs,
      hasAuthorization,
      hasCookie,
      requestNoStore,
      requestOrigin: rawValue(this.#target.fields, 'origin'),
    };
    return judge(facts, policy, this.#crew.options.profile);
  }

  #streamToAll(): void {
    this.#state = 'streaming';
    for (const visit of this.#takeWaiting()) this.join(visit, visit !== this.#leader);
  }

  /** The answer is for the client who asked first; the others ask for themselves. */
  #streamToOne(why: string): void {
    this.#state = 'streaming';
    this.#crew.markUnshareable(this.#target.primary);
    this.#broadcast.forget();
    const [first, ...others] = this.#takeWaiting();
    const isForFirst = first !== undefined && !wasStripped(first);
    if (isForFirst) this.#stream(first, false, why);
    else if (first) this.#crew.pass(first, why);
    for (const visit of others) this.#crew.pass(visit, why);
    if (!isForFirst) this.#giveUp({ kind: 'not-stored', why });
  }

  #stream(visit: Visit, collapsed: boolean, detail?: string): void {
    const { response } = visit.exchange;
    if (response.destroyed) return;
    const stored = detail === undefined;
    const status = forwardStatus(this.#crew.options.name, { reason: visit.reason, stored, collapsed, detail });
    response.writeHead(this.#status, [...this.#clientFields(stored), 'cache-status', status]);
    this.#broadcast.join(response);
  }

  #clientFields(stored: boolean): string[] {
    if (!stored) return [...this.#fields];
    const fields = outgoingFields(this.#fields, this.#target.route.headers);
    const { compress, compressAbove } = this.#crew.options;
    const vary = outgoingVary(this.#fields, compress && isNegotiated(this.#fields, compressAbove));
    if (vary !== undefined) fields.push('vary', vary);
    for (const name of ['etag', 'content-length', 'date', 'age']) {
      const value = firstLine(this.#fields, name);
      if (value !== undefined) fields.push(name, value);
    }
    return fields;
  }

  #validated(): void {
    const { page } = this.#stale!;
    const fields = updatedFields(page.data.fields, this.#fields);
    this.#fields = fields;
    const given = this.#status;
    this.#status = page.data.status;
    const verdict = this.#judge();
    this.#status = given;
    const lifetimes: Lifetimes = verdict.store ? verdict : { ...page.data.lifetimes, freshMs: 0 };
    this.#deliver(page.renewed({ fields, lifetimes, receivedMs: this.#receivedMs, renderMs: this.#elapsedMs() }), true);
  }

  async #make(body: Buffer, verdict: Lifetimes): Promise<void> {
    try {
      const page = await this.#crew.keeper.make(this.#target, {
        status: this.#status,
        fields: this.#fields,
        body,
        lifetimes: verdict,
        receivedMs: this.#receivedMs,
        renderMs: this.#elapsedMs(),
      });
      this.#deliver(page, false);
    } catch (error) {
      for (const [visit] of this.#takeAfterwards()) this.#crew.fail(visit, error);
      this.#finish({ kind: 'failed', error });
    }
  }

  /** Answers those who waited for the whole page. */
  #deliver(page: StoredPage, validated: boolean): void {
    const found = foundNow(page, this.#target.primary);
    const waiting: [Visit, boolean][] = this.#takeWaiting().map((visit) => [visit, visit !== this.#leader]);
    for (const [visit, collapsed] of [...waiting, ...this.#takeAfterwards()]) {
      if (!this.#crew.answer(visit, found, validated ? 'validated' : 'filled', collapsed)) this.#crew.pass(visit);
    }
    this.#finish({ kind: 'page', page, validated });
  }

  /** Serves the last good page where its lifetimes allow it; false when they do not. */
  #serveStale(cause: 'error' | 'unreachable'): boolean {
    const stale = this.#stale;
    if (stale === undefined) return false;
    const { lifetimes } = stale.page.data;
    const allowedMs = cause === 'error' ? lifetimes.staleIfErrorMs : lifetimes.staleIfUnreachableMs;
    const staleMs = this.#crew.clock.now() - stale.entry.freshUntilMs;
    if (lifetimes.alwaysValidate || staleMs > allowedMs) return false;
    for (const visit of this.#takeWaiting()) {
      if (!this.#crew.answer(visit, stale, 'stale-if-error', false)) this.#crew.pass(visit);
    }
    return true;
  }

  #deserted(): void {
    if (this.#state === 'streaming' && !this.#broadcast.isKept) this.#giveUp({ kind: 'not-stored', why: 'client-gone' });
  }

  #giveUp(end: FillEnd): void {
    this.#finish(end, true);
  }

  #finish(end: FillEnd, abort = false): void {
    if (this.#state === 'done') return;
    this.#state = 'done';
    if (abort) this.#exchange?.abort(new Error('the answer is not needed any more'));
    this.#settle(end);
  }

  #passAfterwards(detail: string): void {
    for (const [visit] of this.#takeAfterwards()) this.#crew.pass(visit, detail);
  }

  #takeAfterwards(): [Visit, boolean][] {
    const taken = this.#afterwards;
    this.#afterwards = [];
    return taken;
  }

  #elapsedMs(): number {
    return this.#crew.clock.monotonic() - this.#startedMs;
  }

  #errorOf(message: string): SpillwayError {
    return new SpillwayError('SPILLWAY_PAGE_UPSTREAM_ERROR', `${this.#target.address.path}: ${message}`);
  }
}

/** Whether cookies of a client were left out of the fetch: what it brought for one client alone is not for this one. */
function wasStripped({ facts, policy }: Visit): boolean {
  return facts.cookie !== undefined && policy.freshness === 'policy';
}

/** A page not in the store yet, as if it had been found there. */
function foundNow(page: StoredPage, key: string): Found {
  const { receivedMs, lifetimes } = page.data;
  const freshUntilMs = receivedMs + lifetimes.freshMs - lifetimes.initialAgeMs;
  const entry: Entry<PageEntry> = { value: page, tags: [], storedMs: receivedMs, freshUntilMs, usableUntilMs: freshUntilMs };
  return { key, entry, page };
}

function isTooLarge(fields: Fields, maxBytes: number): boolean {
  return Number(firstLine(fields, 'content-length') ?? 0) > maxBytes;
}
