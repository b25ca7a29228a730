import { deepFreeze, randomInt, type Clock, type Events, type Random } from '../kernel/index.ts';
import type { StoredValue } from '../ports/index.ts';
import { CachedEntry, type EntryTimes } from './cached-entry.ts';
import { Cost } from './cost.ts';
import type { EarlyRefresh } from './early-refresh.ts';
import type { CacheEvents, MissReason } from './events.ts';
import type { Fence, Fences } from './fences.ts';
import type { FrameFormat } from './frame.ts';
import type { Proof, ProofMark } from './proof.ts';
import { Lru } from './lru.ts';
import type { BoundedMap } from './resident.ts';
import { S3Fifo } from './s3-fifo.ts';
import type { Statistics } from './statistics.ts';
import type { StoreGuard } from './store-guard.ts';
import { tagsOf } from './tag-names.ts';
import type { TagStamp, TagTable } from './tags.ts';
import type { Ticks } from './ticks.ts';
import type { Codec } from './types.ts';

export interface TierDependencies<Value> {
  readonly clock: Clock;
  readonly tags: TagTable;
  readonly fences: Fences;
  readonly events: Events<CacheEvents>;
  readonly statistics: Statistics;
  readonly codec: Codec<Value>;
  readonly frames: FrameFormat<Value>;
  readonly store: StoreGuard | undefined;
  readonly eviction: 's3fifo' | 'lru';
  readonly maxEntries: number;
  readonly maxBytes: number;
  readonly proof: Proof;
  readonly freezes: boolean;
  readonly ticks: Ticks;
  readonly early: EarlyRefresh;
}

/** What an entry is made of before it has a place. */
export interface EntryParts<Value> {
  readonly key: string;
  readonly value: Value;
  readonly tags: readonly string[];
  readonly times: EntryTimes;
  readonly loadMs: number;
  readonly stamp: TagStamp;
  /** Until when memory need not ask the store. */
  readonly memoryUntilMs: number;
  /** Era and monotonic moment of {@link Proof} before the value was made or read. */
  readonly era: number;
  readonly confirmedMs: number;
}

/** What an entry takes beside its key and value. */
const ENTRY_BYTES = 200;

/** A usable entry, or why there is none. */
export type Found<Value> = CachedEntry<Value> | MissReason;

interface RunningRead<Value> {
  readonly fence: Fence;
  readonly era: number;
  readonly found: Promise<Found<Value>>;
}

/** Reads of memory and store. */
export class Tiers<Value> {
  readonly memory: BoundedMap<CachedEntry<Value>>;
  readonly #reads = new Map<string, RunningRead<Value>>();
  readonly #cost = new Cost();
  readonly #with: TierDependencies<Value>;
  readonly #tags: TagTable;
  readonly #proof: Proof;
  readonly #ticks: Ticks;
  readonly #store: StoreGuard | undefined;

  constructor(dependencies: TierDependencies<Value>) {
    this.#with = dependencies;
    this.#tags = dependencies.tags;
    this.#proof = dependencies.proof;
    this.#ticks = dependencies.ticks;
    this.#store = dependencies.store;
    const { statistics, events } = dependencies;
    const onEvict = (entry: CachedEntry<Value>): void => {
      statistics.evictions.inc();
      if (events.has('evict')) events.emit('evict', { key: entry.key, bytes: entry.bytes });
    };
    const { eviction, maxEntries, maxBytes } = dependencies;
    this.memory =
      eviction === 'lru'
        ? new Lru(maxEntries, maxBytes, onEvict)
        : new S3Fifo(maxEntries, maxBytes, onEvict, (entry) => this.#cost.isHigh(entry));
  }

  /** The entry in memory when nothing about it needs a second look: fresh, proven, its tags checked. Counts as a read. */
  settled(key: string, nowMs: number): CachedEntry<Value> | undefined {
    const entry = this.memory.get(key);
    if (entry === undefined || entry.checkedEpoch !== this.#tags.epoch) return undefined;
    if (this.#ticks.now(nowMs) > entry.settledTick) return undefined;
    return this.#store === undefined || this.#proof.holds(entry) ? entry : undefined;
  }

  /** The usable entry in memory, fresh or stale; `unproven` when the store must be asked about it first. */
  look(key: string, nowMs: number): Found<Value> {
    const entry = this.memory.look(key);
    if (entry === undefined) return this.#whyAbsent(key);
    if (entry.checkedEpoch !== this.#tags.epoch) {
      const doubt = this.#checkTags(entry, nowMs);
      if (doubt === 'unproven') return this.#unproven(entry, nowMs);
      if (doubt) return doubt;
    }
    if (entry.usableUntilMs <= nowMs) {
      this.memory.delete(entry);
      return 'expired';
    }
    const asks = this.#store !== undefined && (entry.memoryUntilMs <= nowMs || !this.#proof.holds(entry));
    return asks ? this.#unproven(entry, nowMs) : entry;
  }

  /** {@link look} for when the store was asked and did not answer. */
  lookApart(key: string, nowMs: number): Found<Value> {
    const entry = this.memory.look(key);
    if (entry === undefined) return this.#whyAbsent(key);
    return this.withoutStore(entry, nowMs) ?? 'unproven';
  }

  /**
   * What may be served of an entry while the store cannot be asked: the entry for `maxStaleness` after it was last proven,
   * and from then on a stale one, for as long as its grace or `staleIfError` allows.
   */
  withoutStore(entry: CachedEntry<Value>, nowMs: number): CachedEntry<Value> | undefined {
    const verdict = this.#tags.lastVerdict(entry.stamp);
    if (verdict !== 'valid' && verdict !== 'stale') return undefined;
    const unprovenMs = Math.max(0, this.#proof.sinceMs(entry));
    const isStale = unprovenMs > 0 || verdict === 'stale';
    const seen = isStale ? entry.asOf(nowMs - unprovenMs) : entry;
    return seen.usableUntilMs > nowMs ? seen : undefined;
  }

  /** An entry found some time ago, as far as it may still be served. */
  stillUsable(entry: CachedEntry<Value>, nowMs: number): CachedEntry<Value> | undefined {
    if (this.#store && !this.#store.available) return this.withoutStore(entry, nowMs);
    const verdict = this.#tags.verdict(entry.stamp);
    const isValid = (verdict === 'valid' || verdict === 'stale') && entry.usableUntilMs > nowMs;
    return isValid && (!this.#store || this.#proof.holds(entry)) ? entry : undefined;
  }

  /** The usable entry in the store, copied into memory. Calls of one turn share a read, unless an invalidation came between. */
  read(key: string): Promise<Found<Value>> {
    const running = this.#reads.get(key);
    if (running && !running.fence.struck && running.era === this.#proof.era) return running.found;
    const fence = this.#with.fences.open(key);
    const found = this.#fetch(key, fence).finally(() => {
      this.#with.fences.close(fence);
      if (this.#reads.get(key)?.fence === fence) this.#reads.delete(key);
    });
    this.#reads.set(key, { fence, era: this.#proof.era, found });
    return found;
  }

  /** Reads what memory has just lost, so that the next to ask finds it there again. */
  reread(key: string): void {
    this.read(key).catch(() => {});
  }

  /** Makes the entry of what the store holds, and keeps it in memory unless `fence` was struck. */
  async adopt(key: string, stored: StoredValue, fence: Fence, asked: ProofMark): Promise<Found<Value>> {
    const { clock, frames, tags } = this.#with;
    const framed = frames.decode(stored);
    const nowMs = clock.now();
    if (!framed) return 'absent';
    if (framed.times.usableUntilMs <= nowMs) return 'expired';
    const stamp = await tags.renew(tags.restore(framed.tags, framed.versions));
    const entry = this.entryOf({
      ...framed,
      tags: tagsOf(framed.tags),
      key,
      stamp,
      memoryUntilMs: framed.times.freshUntilMs,
      ...asked,
    });
    const doubt = this.#checkTags(entry, nowMs);
    if (doubt) return doubt;
    entry.shared = true;
    if (!fence.struck) this.memory.set(entry);
    return entry;
  }

  entryOf(parts: EntryParts<Value>): CachedEntry<Value> {
    if (this.#with.freezes) deepFreeze(parts.value);
    const entry = new CachedEntry({ ...parts, bytes: this.#with.codec.sizeOf(parts.value) + 2 * parts.key.length + ENTRY_BYTES });
    this.#cost.observe(entry.loadMs, entry.bytes);
    const settledUntilMs = Math.min(entry.freshUntilMs - this.#with.early.windowMs(entry), entry.memoryUntilMs);
    entry.settledTick = this.#ticks.before(settledUntilMs);
    return entry;
  }

  /** Some entries that the store should have too, for {@link Audit}. */
  sample(random: Random, count: number): CachedEntry<Value>[] {
    const entries = [...this.memory.values()].filter((entry) => entry.shared);
    return Array.from({ length: Math.min(count, entries.length) }, () => entries[randomInt(random, entries.length)]!);
  }

  remove(key: string): boolean {
    const entry = this.memory.look(key);
    if (entry) this.memory.delete(entry);
    return entry !== undefined;
  }

  /** Drops what is past its use; gives back half of the room while memory is `short`. */
  sweep(short: boolean): void {
    const nowMs = this.#with.clock.now();
    for (const entry of this.memory.values()) if (entry.usableUntilMs <= nowMs) this.memory.delete(entry);
    this.memory.maxBytes = short ? Math.min(this.#with.maxBytes, this.memory.bytes) / 2 : this.#with.maxBytes;
    this.memory.shrink();
  }

  /** Popular entries that expire before `untilMs`, the hottest first. */
  expiringSoon(untilMs: number, atMost: number): CachedEntry<Value>[] {
    const soon = [...this.memory.values()].filter((entry) => entry.reload && entry.visits > 1 && entry.freshUntilMs <= untilMs);
    return soon.toSorted((a, b) => b.visits - a.visits).slice(0, atMost);
  }

  async #fetch(key: string, fence: Fence): Promise<Found<Value>> {
    const asked = this.#proof.mark();
    const stored = await this.#with.store!.get(key);
    if (stored) return this.adopt(key, stored, fence, asked);
    if (!fence.struck) this.remove(key);
    return this.#whyAbsent(key);
  }

  /** The store has to be asked about the entry, unless it is known to be away. */
  #unproven(entry: CachedEntry<Value>, nowMs: number): Found<Value> {
    const isAway = this.#store !== undefined && !this.#store.available;
    return (isAway ? this.withoutStore(entry, nowMs) : undefined) ?? 'unproven';
  }

  #whyAbsent(key: string): MissReason {
    return this.memory.wasEvicted(key) ? 'evicted' : 'absent';
  }

  /** Applies what became of the entry's tags; a reason when it is not usable, or not known to be. */
  #checkTags(entry: CachedEntry<Value>, nowMs: number): MissReason | undefined {
    const { tags } = this.#with;
    const verdict = tags.verdict(entry.stamp);
    if (verdict === 'unknown') return 'unproven';
    if (verdict === 'invalid') {
      this.memory.delete(entry);
      return 'invalidated';
    }
    if (verdict === 'stale') {
      entry.expire(nowMs);
      entry.stamp = { records: entry.stamp.records, versions: entry.stamp.records.map((record) => record.version!) };
    }
    entry.checkedEpoch = tags.epoch;
    return undefined;
  }
}
