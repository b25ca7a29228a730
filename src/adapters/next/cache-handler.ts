import type { Cache, Entry } from '../../cache/index.ts';
import type { Runtime } from '../../kernel/index.ts';
import { Claim, Claims } from '../claims.ts';
import type {
  CacheControl,
  CachedValue,
  GetContext,
  HandlerContext,
  HandlerValue,
  RevalidateDurations,
  SetContext,
} from './next-types.ts';
import type { NextCacheOptions } from './options.ts';
import { entryOptions, invalidate, readBuildId, share, type Shared } from './shared.ts';

/** What Next calls: `cacheHandler` in its config names the module that has this as its default export. */
export interface NextCacheHandler {
  get(key: string, context: GetContext): Promise<HandlerValue | null>;
  set(key: string, value: CachedValue | null, context: SetContext): Promise<void>;
  revalidateTag(tags: string | readonly string[], durations?: RevalidateDurations): Promise<void>;
  resetRequestCache(): void;
}

export type NextCacheHandlerClass = new (context: HandlerContext) => NextCacheHandler;

/** As it is kept in the cache. */
interface Stored {
  readonly value: CachedValue | null;
  readonly cacheControl: CacheControl | undefined;
  /** Seconds it was fresh for; false: until it is invalidated. */
  readonly revalidate: number | false;
}

/** One kind of entry: its part of the cache, and who makes what in it. */
interface Shelf {
  readonly entries: Cache<Stored>;
  readonly claims: Claims<Stored>;
  /** Whether a request waits while another instance makes what it lacks. */
  readonly waits: boolean;
}

const TAGS_HEADER = 'x-next-cache-tags';

/**
 * The `cacheHandler` of Next.js over Spillway's cache: pages (ISR), route handlers, `fetch`, `unstable_cache` and images in
 * one cache of the fleet. A page that is overdue, or that nobody has, is made by one instance; a tag that is revalidated on
 * one reaches all.
 *
 * ```js
 * // cache-handler.mjs, and in next.config: cacheHandler: join(import.meta.dirname, 'cache-handler.mjs')
 * import { createNextCacheHandler } from 'spillway/next';
 * export default createNextCacheHandler({ redis: process.env.REDIS_URL });
 * ```
 * @throws ConfigError when options are wrong.
 */
export function createNextCacheHandler(options: NextCacheOptions = {}, runtime: Partial<Runtime> = {}): NextCacheHandlerClass {
  const shared = share(options, runtime, 'createNextCacheHandler(options)');
  let shelves: Shelves | undefined;
  return class SpillwayCacheHandler extends Handler {
    constructor(context: HandlerContext) {
      super(shared, context, (shelves ??= shelvesOf(shared, context)));
    }
  };
}

interface Shelves {
  readonly pages: Shelf;
  readonly data: Shelf;
  readonly images: Shelf;
}

/** The scripts and styles of a page are those of its build; data does not know builds. */
function shelvesOf(shared: Shared, { serverDistDir }: HandlerContext): Shelves {
  const shelf = (name: string, waits: boolean): Shelf => {
    const entries = shared.cache.namespace<Stored>(name);
    return { entries, claims: new Claims(entries, shared.clock, shared.settings), waits };
  };
  return {
    pages: shelf(`pages:${shared.settings.buildId ?? readBuildId(serverDistDir)}`, true),
    // An answer that is no 200 is never stored: nobody must wait for it.
    data: shelf('data', false),
    images: shelf('images', true),
  };
}

/** An entry that may serve, and whether it should be made anew. */
interface Found {
  readonly entry: Entry<Stored>;
  readonly overdue: boolean;
  /** Overdue because a tag was invalidated, not only by its time. */
  readonly invalidated: boolean;
}

/** Next makes one for each request, so what a request claims by `get` is its own to `set`. */
class Handler implements NextCacheHandler {
  readonly #shared: Shared;
  readonly #shelves: Shelves;
  readonly #headers: NonNullable<HandlerContext['_requestHeaders']>;
  readonly #claims = new Map<string, Claim<Stored>>();

  constructor(shared: Shared, { _requestHeaders = {} }: HandlerContext, shelves: Shelves) {
    this.#shared = shared;
    this.#shelves = shelves;
    this.#headers = _requestHeaders;
  }

  async get(key: string, context: GetContext): Promise<HandlerValue | null> {
    const shelf = this.#shelfOf(context.kind);
    const found = (await this.#find(shelf, key, context)) ?? (await this.#whenMade(shelf, key, context));
    if (!found) return null;
    const { entry, overdue, invalidated } = found;
    // Next makes nothing anew for a prefetch.
    if (!overdue || this.#isPrefetch()) return this.#asFresh(entry);
    if (await this.#claim(shelf, key, entry.tags)) return this.#asOverdue(entry, context);
    // Data goes into pages that are kept: once its tag was invalidated it must not be passed off as new.
    return shelf === this.#shelves.data && invalidated ? this.#asOverdue(entry, context) : this.#asFresh(entry);
  }

  async set(key: string, value: CachedValue | null, { fetchCache, tags, cacheControl }: SetContext): Promise<void> {
    const shelf = this.#shelfOf(fetchCache ? 'FETCH' : value?.kind);
    const claim = this.#claims.get(key);
    this.#claims.delete(key);
    const revalidate = fetchCache ? (value?.revalidate ?? false) : (cacheControl?.revalidate ?? 1);
    if (revalidate === 0) return drop(shelf, key, claim);
    const options = entryOptions(this.#shared, revalidate, cacheControl?.expire, tagsOf(value, tags));
    const stored = { value, cacheControl, revalidate };
    if (!claim) await shelf.entries.set(key, stored, options);
    // Whoever has claimed it since the invalidation was handed this outdated result by Next, and will store nothing.
    else if (!(await claim.commit(stored, options))) await shelf.claims.held(key)[0]?.release();
  }

  async revalidateTag(tags: string | readonly string[], durations?: RevalidateDurations): Promise<void> {
    await invalidate(this.#shared, typeof tags === 'string' ? [tags] : tags, durations);
  }

  resetRequestCache(): void {
    // Nothing is kept for one request alone.
  }

  async #find(shelf: Shelf, key: string, context: GetContext): Promise<Found | undefined> {
    const entry = await shelf.entries.entry(key);
    if (!entry) return undefined;
    const nowMs = this.#shared.clock.now();
    const isStale = entry.freshUntilMs <= nowMs;
    // Its own tags the cache has judged; only those of a stale entry can have a date to expire at.
    const asked = isStale ? entry.tags : [];
    const foreign = [...(context.tags ?? []), ...(context.softTags ?? [])].filter((tag) => !entry.tags.includes(tag));
    const verdict = await this.#shared.tagTimes.verdict([...asked, ...foreign], entry.storedMs);
    if (verdict === 'expired') return undefined;
    const revalidate = context.revalidate || entry.value.revalidate;
    const dueMs = revalidate === false ? Infinity : entry.storedMs + revalidate * 1000;
    const invalidated = verdict === 'stale' || (isStale && dueMs > nowMs);
    const overdue = isStale || invalidated || (shelf === this.#shelves.data && dueMs <= nowMs);
    return { entry, overdue, invalidated };
  }

  /** Nobody has it: either this request makes it, or it waits for the one that does. */
  async #whenMade(shelf: Shelf, key: string, context: GetContext): Promise<Found | undefined> {
    if (!this.#willMake(context)) return undefined;
    if (!shelf.waits) {
      await this.#claim(shelf, key, context.tags);
      return undefined;
    }
    const found = await shelf.claims.claimOrFind(key, context.tags ?? [], () => this.#find(shelf, key, context));
    if (!(found instanceof Claim)) return found;
    this.#claims.set(key, found);
    return undefined;
  }

  /** Whether this request is to make it. */
  async #claim(shelf: Shelf, key: string, tags: readonly string[] | undefined): Promise<boolean> {
    const start = await shelf.claims.claim(key, tags);
    if (start instanceof Claim) this.#claims.set(key, start);
    return start === undefined || start instanceof Claim;
  }

  /** Next decides by age; so what is fresh was made just now, and may be kept downstream for what is left of its time. */
  #asFresh({ value: { value, cacheControl }, freshUntilMs }: Entry<Stored>): HandlerValue {
    const nowMs = this.#shared.clock.now();
    const leftS = Math.max(1, Math.ceil((freshUntilMs - nowMs) / 1000));
    if (!cacheControl) return { lastModified: nowMs, value };
    const isForGood = cacheControl.revalidate === false && freshUntilMs > nowMs;
    return { lastModified: nowMs, value, cacheControl: { ...cacheControl, revalidate: isForGood ? false : leftS } };
  }

  /** Old enough for Next to make it anew, and not so old that the request waits for that. */
  #asOverdue({ value: { value, cacheControl } }: Entry<Stored>, { revalidate }: GetContext): HandlerValue {
    const dueS = revalidate || value?.revalidate || 1;
    const lastModified = this.#shared.clock.now() - dueS * 1000 - 1;
    return { lastModified, value, ...(cacheControl && { cacheControl: { ...cacheControl, revalidate: dueS } }) };
  }

  #shelfOf(kind: string | undefined): Shelf {
    const { pages, data, images } = this.#shelves;
    return kind === 'FETCH' ? data : kind === 'IMAGE' ? images : pages;
  }

  #isPrefetch(): boolean {
    return this.#headers['purpose'] === 'prefetch' || this.#headers['next-router-prefetch'] === '1';
  }

  /** Navigations and actions look at a page of which they render the dynamic part only; they do not make what is missing. */
  #willMake({ isRoutePPREnabled }: GetContext): boolean {
    if (this.#isPrefetch()) return false;
    return !isRoutePPREnabled || (this.#headers['rsc'] === undefined && this.#headers['next-action'] === undefined);
  }
}

async function drop(shelf: Shelf, key: string, claim: Claim<Stored> | undefined): Promise<void> {
  await claim?.release();
  await shelf.entries.delete(key);
}

function tagsOf(value: CachedValue | null, given: readonly string[] | undefined): string[] {
  const listed = value?.headers?.[TAGS_HEADER];
  const fromHeader = typeof listed === 'string' ? listed.split(',') : [];
  return [...new Set([...(given ?? []), ...(value?.tags ?? []), ...fromHeader])].filter(Boolean);
}
