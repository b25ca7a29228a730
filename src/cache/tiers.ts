import { deepFreeze, randomInt, type Clock, type Events, type Random } from '../kernel/index.ts';
import type { StoredValue, StoreWatch } from '../ports/index.ts';
import { CachedEntry, type EntryTimes } from './cached-entry.ts';
import { Cost } from './cost.ts';
import type { EarlyRefresh } from './early-refresh.ts';
import type { CacheEvents, MissReason } from './events.ts';
import type { Fence, Fences } from './fences.ts';
import type { FrameFormat } from './frame.ts';
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
  readonly maxEntries: number;
  readonly maxBytes: number;
  readonly maxStalenessMs: number;
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
  /** Monotonic moment before the value was made or read. */
  readonly confirmedMs: number;
}

/** What an entry takes beside its key and value. */
const ENTRY_BYTES = 200;

/** A usable entry, or why there is none. */
export type Found<Value> = CachedEntry<Value> | MissReason;

interface RunningRead<Value> {
  readonly fence: Fence;
  readonly found: Promise<Found<Value>>;
}

/** Reads of memory and store. */
export class Tiers<Value> {
  readonly memory: S3Fifo<CachedEntry<Value>>;
  /** Set once the store is watched; see {@link StoreWatch.provenMs}. */
  watch: Pick<StoreWatch, 'provenMs'> | undefined;
  readonly #reads = new Map<string, RunningRead<Value>>();
  readonly #cost = new Cost();
  readonly #with: TierDependencies<Value>;
  readonly #tags: TagTable;
  readonly #ticks: Ticks;
  readonly #store: StoreGuard | undefined;

  constructor(dependencies: TierDependencies<Value>) {
    this.#with = dependencies;
    this.#tags = dependencies.tags;
    this.#ticks = dependencies.ticks;
    this.#store = dependencies.store;
    const { statistics, events } = dependencies;
    const onEvict = (entry: CachedEntry<Value>): void => {
      statistics.evictions.inc();
      if (events.has('evict')) events.emit('evict', { key: entry.key, bytes: entry.bytes });
    };
    const { maxEntries, maxBytes } = dependencies;
    this.memory = new S3Fifo(maxEntries, maxBytes, onEvict, (entry) => this.#cost.isHigh(entry));
  }

  /** The entry in memory when nothing about it needs a second look: fresh, proven, its tags checked. Counts as a read. */
  settled(key: string, nowMs: number): CachedEntry<Value> | undefined {
    const entry = this.memory.get(key);
    if (entry === undefined || entry.checkedEpoch !== this.#tags.epoch) return undefined;
    if (this.#ticks.now(nowMs) > entry.settledTick) return undefined;
    return this.#store === undefined || this.isProven(entry) ? entry : undefined;
  }

  /** The usable entry in memory, fresh or stale; `unproven` when the store must be asked about it first. */
  look(key: string, nowMs: number): Found<Value> {
    const entry = this.memory.look(key);
    if (entry === undefined) return this.#whyAbsent(key);
    if (entry.checkedEpoch !== this.#tags.epoch) {
      const doubt = this.#checkTags(entry, nowMs);
      if (doubt) return doubt;
    }
    if (entry.usableUntilMs <= nowMs) {
      this.memory.delete(entry);
      return 'expired';
    }
    if (this.#store !== undefined && (entry.memoryUntilMs <= nowMs || !this.isProven(entry))) return 'unproven';
    return entry;
  }

  /** The usable entry in the store, copied into memory. Calls of one turn share a read, unless an invalidation came between. */
  read(key: string): Promise<Found<Value>> {
    const running = this.#reads.get(key);
    if (running && !running.fence.struck) return running.found;
    const fence = this.#with.fences.open(key);
    const found = this.#fetch(key, fence).finally(() => {
      this.#with.fences.close(fence);
      if (this.#reads.get(key)?.fence === fence) this.#reads.delete(key);
    });
    this.#reads.set(key, { fence, found });
    return found;
  }

  /** Makes the entry of what the store holds, and keeps it in memory unless `fence` was struck. */
  async adopt(key: string, stored: StoredValue, fence: Fence, askedMs: number): Promise<Found<Value>> {
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
      confirmedMs: askedMs,
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
    const settledUntilMs = Math.min(entry.freshUntilMs - this.#with.early.windowMs(entry.loadMs), entry.memoryUntilMs);
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

  /** Whether no invalidation acknowledged more than `maxStaleness` ago can have passed the entry by. */
  isProven(entry: CachedEntry<Value>): boolean {
    const provenMs = Math.max(this.watch?.provenMs ?? -Infinity, entry.confirmedMs);
    return this.#with.clock.monotonic() - provenMs <= this.#with.maxStalenessMs;
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
    const askedMs = this.#with.clock.monotonic();
    const stored = await this.#with.store!.get(key);
    if (stored) return this.adopt(key, stored, fence, askedMs);
    if (!fence.struck) this.remove(key);
    return this.#whyAbsent(key);
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
