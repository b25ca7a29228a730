import type { FillLease } from '../cache/index.ts';
import type { Clock } from '../kernel/index.ts';
import { updatedFields } from './conditional.ts';
import { type Fields, fieldValue, firstLine } from './fields.ts';
import { judge, type Lifetimes } from './freshness.ts';
import type { Keeper, Lookup } from './keeper.ts';
import type { PageSettings } from './options.ts';
import { parseContentRange } from './range.ts';
import type { PageEntry } from './stored-page.ts';
import type { FillTarget } from './visit.ts';

/** A head whose body is worth keeping. */
interface Worthy {
  readonly status: number;
  readonly fields: Fields;
  readonly lifetimes: Lifetimes;
  readonly receivedMs: number;
}

/**
 * Stores what goes by on requests that are passed on as they are: parts (206), and what a HEAD tells of a stored page.
 */
export class WriteThrough {
  readonly #keeper: Keeper;
  readonly #options: PageSettings;
  readonly #clock: Clock;

  constructor(keeper: Keeper, options: PageSettings, clock: Clock) {
    this.#keeper = keeper;
    this.#options = options;
    this.#clock = clock;
  }

  /**
   * The right to store what a request that is about to be sent brings, so that an invalidation meanwhile is not undone;
   * undefined when another has it or the store is away.
   */
  async guard(target: FillTarget, lookup: Lookup): Promise<FillLease<PageEntry> | undefined> {
    try {
      const right = await this.#keeper.begin(target, lookup.key);
      return right.role === 'leader' ? right : undefined;
    } catch {
      return undefined;
    }
  }

  /** The head of a part that may be stored; undefined when it may not. */
  part(target: FillTarget, status: number, fields: Fields, requestMs: number): Worthy | undefined {
    if (status !== 206 || parseContentRange(firstLine(fields, 'content-range')) === undefined) return undefined;
    return this.#worthy(target, status, fields, requestMs);
  }

  async store(target: FillTarget, lookup: Lookup, lease: FillLease<PageEntry>, head: Worthy, body: Buffer): Promise<void> {
    const page = await this.#keeper.make(target, { ...head, body, renderMs: this.#clock.now() - head.receivedMs });
    await this.#keeper.keep(target, lookup, lease, page);
  }

  /** What the answer to a HEAD says of the stored page: brings its fields up to date, or marks it stale (RFC 9111 §4.3.5). */
  async freshen(target: FillTarget, lookup: Lookup, fields: Fields, requestMs: number): Promise<void> {
    const stored = lookup.found?.page.data;
    if (stored === undefined || stored.status !== 200) return;
    if (!describesSame(stored.fields, stored.body.length, fields)) return this.#keeper.expire(lookup.key);
    const worthy = this.#worthy(target, 200, fields, requestMs);
    const lease = worthy && (await this.guard(target, lookup));
    if (!worthy || !lease) return;
    const news = { fields: updatedFields(stored.fields, fields), lifetimes: worthy.lifetimes, receivedMs: worthy.receivedMs };
    await this.#keeper.keep(target, lookup, lease, lookup.found!.page.renewed({ ...news, renderMs: stored.renderMs }));
  }

  #worthy(target: FillTarget, status: number, fields: Fields, requestMs: number): Worthy | undefined {
    const receivedMs = this.#clock.now();
    const { hasAuthorization, hasCookie, requestNoStore, policy } = target;
    const facts = { status, fields, requestMs, responseMs: receivedMs, hasAuthorization, hasCookie, requestNoStore };
    const verdict = judge(facts, policy, this.#options.profile);
    return verdict.store ? { status, fields, lifetimes: verdict, receivedMs } : undefined;
  }
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
