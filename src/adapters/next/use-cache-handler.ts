import type { Cache, Entry } from '../../cache/index.ts';
import type { Runtime } from '../../kernel/index.ts';
import { Claim, Claims } from '../claims.ts';
import type { RevalidateDurations, UseCacheEntry } from './next-types.ts';
import type { NextCacheOptions } from './options.ts';
import { entryOptions, invalidate, share, type Shared } from './shared.ts';

/** What Next calls for functions with `use cache`: the modules named in `cacheHandlers` have it as their default export. */
export interface NextUseCacheHandler {
  get(key: string, softTags: readonly string[]): Promise<UseCacheEntry | undefined>;
  set(key: string, pending: Promise<UseCacheEntry>): Promise<void>;
  refreshTags(): Promise<void>;
  getExpiration(tags: readonly string[]): Promise<number>;
  updateTags(tags: readonly string[], durations?: RevalidateDurations): Promise<void>;
}

/** As it is kept in the cache. */
interface Stored extends Omit<UseCacheEntry, 'value'> {
  readonly bytes: Uint8Array;
}

interface Found {
  readonly entry: UseCacheEntry;
  readonly overdue: boolean;
  /** Overdue because a tag was invalidated, not only by its time. */
  readonly invalidated: boolean;
}

/** Next looks at the time once more: what need not be computed anew by this request is fresh for that long at least, in seconds. */
const LEAST_FRESH_S = 3;
/** Serve it, and compute it anew behind: what Next's own handler says of an entry with a stale tag. */
const REVALIDATE_NOW = -1;

/**
 * The handler for `use cache` (`cacheHandlers: { default: … }` or `remote`) over Spillway's cache: what one instance has
 * computed all have, what is overdue is computed by one, and `updateTag` and `revalidateTag` reach every instance.
 *
 * ```js
 * // use-cache-handler.mjs, and in next.config: cacheHandlers: { default: join(import.meta.dirname, 'use-cache-handler.mjs') }
 * import { createNextUseCacheHandler } from 'spillway/next';
 * export default createNextUseCacheHandler({ redis: process.env.REDIS_URL });
 * ```
 * @throws ConfigError when options are wrong.
 */
export function createNextUseCacheHandler(options: NextCacheOptions = {}, runtime: Partial<Runtime> = {}): NextUseCacheHandler {
  return new Handler(share(options, runtime, 'createNextUseCacheHandler(options)'));
}

class Handler implements NextUseCacheHandler {
  readonly #shared: Shared;
  readonly #entries: Cache<Stored>;
  readonly #claims: Claims<Stored>;
  /** Results on their way to the cache: who asks for them waits. */
  readonly #pending = new Map<string, Promise<void>>();

  constructor(shared: Shared) {
    this.#shared = shared;
    this.#entries = shared.cache.namespace<Stored>('use-cache');
    this.#claims = new Claims(this.#entries, shared.clock, shared.settings);
  }

  async get(key: string, softTags: readonly string[]): Promise<UseCacheEntry | undefined> {
    await this.#pending.get(key);
    const found = await this.#find(key, softTags);
    if (found && !found.overdue) return this.#asFresh(found.entry);
    // What only its time has made stale serves while another computes it; what a tag has, or nothing at all, is waited for.
    if (found && !found.invalidated) {
      const start = await this.#claims.claim(key, found.entry.tags);
      return start === undefined || start instanceof Claim ? found.entry : this.#asFresh(found.entry);
    }
    const other = await this.#claims.claimOrFind(key, found?.entry.tags ?? [], () => this.#findFresh(key, softTags));
    return other === undefined || other instanceof Claim ? found?.entry : other;
  }

  set(key: string, pending: Promise<UseCacheEntry>): Promise<void> {
    const stored = this.#store(key, pending).finally(() => {
      if (this.#pending.get(key) === stored) this.#pending.delete(key);
    });
    this.#pending.set(key, stored);
    return stored;
  }

  async refreshTags(): Promise<void> {
    // The cache hears of every invalidation when it is made.
  }

  async getExpiration(): Promise<number> {
    return Infinity; // soft tags are judged in get
  }

  async updateTags(tags: readonly string[], durations?: RevalidateDurations): Promise<void> {
    await invalidate(this.#shared, tags, durations);
  }

  async #find(key: string, softTags: readonly string[]): Promise<Found | undefined> {
    const entry = await this.#entries.entry(key);
    if (!entry) return undefined;
    const { clock, tagTimes } = this.#shared;
    const nowMs = clock.now();
    const isStale = entry.freshUntilMs <= nowMs;
    const { timestamp, revalidate } = entry.value;
    const isDue = timestamp + revalidate * 1000 <= nowMs;
    const verdict = await tagTimes.verdict([...(isStale ? entry.tags : []), ...softTags], timestamp);
    if (verdict === 'expired') return undefined;
    const invalidated = verdict === 'stale' || (isStale && !isDue);
    return { entry: asNext(entry, invalidated), overdue: isDue || invalidated, invalidated };
  }

  async #findFresh(key: string, softTags: readonly string[]): Promise<UseCacheEntry | undefined> {
    const found = await this.#find(key, softTags);
    return found && !found.overdue ? this.#asFresh(found.entry) : undefined;
  }

  /** Its time of creation stays as it is, for Next compares it with tags. */
  #asFresh(entry: UseCacheEntry): UseCacheEntry {
    const ageS = Math.ceil((this.#shared.clock.now() - entry.timestamp) / 1000);
    return { ...entry, revalidate: Math.max(entry.revalidate, ageS + LEAST_FRESH_S) };
  }

  async #store(key: string, pending: Promise<UseCacheEntry>): Promise<void> {
    try {
      const { value, ...times } = await pending;
      await this.#keep(key, { ...times, bytes: await bytesOf(value) });
    } catch (error) {
      await this.#claims.held(key).at(-1)?.release(error);
    }
  }

  async #keep(key: string, stored: Stored): Promise<void> {
    const { clock, tagTimes } = this.#shared;
    const { tags, timestamp, revalidate, expire } = stored;
    const claim = this.#claims.held(key).at(-1);
    // The claim may be of a later computation, one that began after an invalidation: so each result is judged by its own date.
    if (expire === 0 || (await tagTimes.verdict(tags, timestamp)) !== 'valid') return claim?.release();
    const ageS = (clock.now() - timestamp) / 1000;
    const options = entryOptions(this.#shared, Math.min(revalidate, expire) - ageS, expire - ageS, tags);
    if (claim) await claim.commit(stored, options);
    else await this.#entries.set(key, stored, options);
  }
}

function asNext({ value: { bytes, ...stored } }: Entry<Stored>, invalidated: boolean): UseCacheEntry {
  return { ...stored, revalidate: invalidated ? REVALIDATE_NOW : stored.revalidate, value: streamOf(bytes) };
}

function streamOf(bytes: Uint8Array): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      controller.enqueue(bytes);
      controller.close();
    },
  });
}

async function bytesOf(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
