import type { Cache } from '../../cache/index.ts';
import type { Clock } from '../../kernel/index.ts';
import type { RevalidateDurations } from './next-types.ts';

/** When a tag was last invalidated, ms since the epoch; 0: never. */
interface TagTime {
  /** What was made before is stale. */
  readonly staleMs: number;
  /** What was made before is of no more use, once this is past. */
  readonly expiredMs: number;
}

/** What an invalidation means for something made at a moment. */
export type TagVerdict = 'valid' | 'stale' | 'expired';

const NEVER: TagTime = { staleMs: 0, expiredMs: 0 };
/** Longer than anything is kept that could be asked about. */
const KEEP_TIMES = '365d';
/** A tag that was never invalidated is looked up anew after that. */
const KEEP_NEVER = '1d';

/**
 * When tags were invalidated. Entries know the tags they were stored with, and the cache judges them by versions. This is
 * for the rest: the paths that Next names only when it reads, tags that have a date to expire at, and results that come in
 * after the invalidation without a claim.
 */
export class TagTimes {
  readonly #times: Cache<TagTime>;
  readonly #clock: Clock;

  constructor(cache: Cache, clock: Clock) {
    this.#times = cache.namespace('tag-times');
    this.#clock = clock;
  }

  /** Notes an invalidation of now: hard, or with `durations` soft at once and hard later. */
  async note(tags: readonly string[], durations: RevalidateDurations | undefined): Promise<void> {
    const nowMs = this.#clock.now();
    await Promise.all(
      tags.map(async (tag) => {
        const before = await this.#of(tag);
        const expiredMs = durations?.expire === undefined ? before.expiredMs : nowMs + durations.expire * 1000;
        const after = durations ? { staleMs: nowMs, expiredMs } : { staleMs: nowMs, expiredMs: nowMs };
        await this.#times.set(tag, after, { ttl: KEEP_TIMES });
      }),
    );
  }

  async verdict(tags: readonly string[], madeMs: number): Promise<TagVerdict> {
    if (tags.length === 0) return 'valid';
    const times = await Promise.all(tags.map((tag) => this.#of(tag)));
    const nowMs = this.#clock.now();
    const since = times.filter(({ staleMs }) => staleMs >= madeMs);
    if (since.some(({ expiredMs }) => expiredMs >= madeMs && expiredMs <= nowMs)) return 'expired';
    return since.length > 0 ? 'stale' : 'valid';
  }

  #of(tag: string): Promise<TagTime> {
    return this.#times.getOrSet(tag, () => NEVER, { ttl: KEEP_NEVER });
  }
}
