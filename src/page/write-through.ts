import type { FillLease } from '../cache/index.ts';
import type { Clock } from '../kernel/index.ts';
import type { Exchange, Upstream } from '../ports/index.ts';
import type { Forwarded } from './cache-status.ts';
import { updatedFields } from './conditional.ts';
import { type Fields, fieldValue, firstLine } from './fields.ts';
import { judge, type Lifetimes } from './freshness.ts';
import { joinedToStored } from './joined-parts.ts';
import type { Keeper, Lookup } from './keeper.ts';
import { rawValue } from './key.ts';
import type { PageSettings } from './options.ts';
import type { PassExtras } from './pass.ts';
import { parseContentRange } from './range.ts';
import type { PageEntry } from './stored-page.ts';
import type { FillTarget, Visit } from './visit.ts';

/** A head whose body is worth keeping. */
interface Worthy {
  readonly status: number;
  readonly fields: Fields;
  readonly lifetimes: Lifetimes;
  readonly receivedMs: number;
}

/** Sends a request on and its answer back. */
export type Send = (exchange: Exchange, upstream: Upstream, forwarded: Forwarded, extras: PassExtras) => void;

/**
 * Stores what goes by on requests that are passed on: parts (206), and what a HEAD tells of a stored page. They carry
 * what a fill would carry, for what they bring is for everybody.
 */
export class WriteThrough {
  readonly #keeper: Keeper;
  readonly #options: PageSettings;
  readonly #clock: Clock;
  readonly #send: Send;

  constructor(keeper: Keeper, options: PageSettings, clock: Clock, send: Send) {
    this.#keeper = keeper;
    this.#options = options;
    this.#clock = clock;
    this.#send = send;
  }

  /** A HEAD: what the answer tells of the stored page brings that up to date. */
  head(visit: Visit, target: FillTarget, lookup: Lookup): void {
    const requestMs = this.#clock.now();
    this.#send(
      visit.exchange,
      visit.upstream,
      { reason: visit.reason },
      {
        headers: target.fields,
        onHead: (status, fields) => {
          if (status === 200) settle(this.#freshen(target, lookup, fields, requestMs));
          return 0;
        },
      },
    );
  }

  /** A range of a page that is not stored whole: its part is stored, joined to the part that is stored already where it can be. */
  async range(visit: Visit, target: FillTarget, lookup: Lookup): Promise<void> {
    const { range, ifRange } = visit.facts;
    const lease = await this.#lease(target, lookup);
    const requestMs = this.#clock.now();
    let head: Worthy | undefined;
    this.#send(
      visit.exchange,
      visit.upstream,
      { reason: visit.reason },
      {
        headers: [...target.fields, 'range', range!, ...(ifRange === undefined ? [] : ['if-range', ifRange])],
        onHead: (status, fields) => {
          const isPart = status === 206 && parseContentRange(firstLine(fields, 'content-range')) !== undefined;
          if (isPart && lease) head = this.#worthy(target, status, fields, requestMs);
          return head === undefined ? 0 : this.#options.maxBodySize;
        },
        onEnd: (body) => {
          if (lease) settle(head && body ? this.#store(target, lookup, lease, head, body) : lease.abandon());
        },
      },
    );
  }

  /** The right to store, taken before the request goes out, so that an invalidation meanwhile is not undone. */
  async #lease(target: FillTarget, lookup: Lookup): Promise<FillLease<PageEntry> | undefined> {
    try {
      const right = await this.#keeper.begin(target, lookup.key);
      return right.role === 'leader' ? right : undefined;
    } catch {
      return undefined;
    }
  }

  async #store(target: FillTarget, lookup: Lookup, lease: FillLease<PageEntry>, head: Worthy, body: Buffer): Promise<void> {
    const received = { ...head, body, renderMs: this.#clock.now() - head.receivedMs };
    const joined = joinedToStored(lookup.found?.page.data, received, this.#options.maxBodySize);
    await this.#keeper.keep(target, lookup, lease, await this.#keeper.make(target, joined));
  }

  /** Brings the stored page's fields up to date, or marks it stale when it is another (RFC 9111 §4.3.5). */
  async #freshen(target: FillTarget, lookup: Lookup, fields: Fields, requestMs: number): Promise<void> {
    const stored = lookup.found?.page.data;
    if (stored === undefined || stored.status !== 200) return;
    if (!describesSame(stored.fields, stored.body.length, fields)) return this.#keeper.expire(lookup.key);
    const worthy = this.#worthy(target, 200, fields, requestMs);
    const lease = worthy && (await this.#lease(target, lookup));
    if (!worthy || !lease) return;
    const news = { fields: updatedFields(stored.fields, fields), lifetimes: worthy.lifetimes, receivedMs: worthy.receivedMs };
    await this.#keeper.keep(target, lookup, lease, lookup.found!.page.renewed({ ...news, renderMs: stored.renderMs }));
  }

  #worthy(target: FillTarget, status: number, fields: Fields, requestMs: number): Worthy | undefined {
    const receivedMs = this.#clock.now();
    const { hasAuthorization, hasCookie, requestNoStore, policy } = target;
    const facts = {
      status,
      fields,
      requestMs,
      responseMs: receivedMs,
      hasAuthorization,
      hasCookie,
      requestNoStore,
      requestOrigin: rawValue(target.fields, 'origin'),
    };
    const verdict = judge(facts, policy, this.#options.profile);
    return verdict.store ? { status, fields, lifetimes: verdict, receivedMs } : undefined;
  }
}

/** Storing on the way must not disturb the answer; the store counts and reports its own faults. */
function settle(work: Promise<unknown>): void {
  work.catch(() => undefined);
}

/** Whether a HEAD's fields can be of the stored answer: same validators and length, as far as both name them. */
function describesSame(stored: Fields, storedLength: number, fields: Fields): boolean {
  const length = firstLine(fields, 'content-length');
  if (length !== undefined && Number(length) !== storedLength) return false;
  return ['etag', 'last-modified'].every((name) => {
    const news = fieldValue(fields, name);
    const old = fieldValue(stored, name);
    return news === undefined || old === undefined || news === old;
  });
}
