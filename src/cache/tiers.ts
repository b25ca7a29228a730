import { deepFreeze, randomInt, type Clock, type Events, type Random } from '../kernel/index.ts';
import type { StoredValue } from '../ports/index.ts';
import { CachedEntry, type EntryParts } from './cached-entry.ts';
import { Cost } from './cost.ts';
import type { EarlyRefresh } from './early-refresh.ts';
import type { CacheEvents, MissReason } from './events.ts';
import type { Fence, Fences } from './fences.ts';
import type { FramedEntry, FrameFormat } from './frame.ts';
import type { Proof, ProofMark } from './proof.ts';
import { Lru } from './lru.ts';
import type { BoundedMap } from './resident.ts';
import { S3Fifo } from './s3-fifo.ts';
import type { Statistics } from './statistics.ts';
import type { StoreGuard } from './store-guard.ts';
import { StoreReads, type Answers, type KeyRead, type StoreRead } from './store-reads.ts';
import { tagsOf } from './tag-names.ts';
import type { TagTable } from './tags.ts';
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
  /** How long this process keeps its copy of a value before it asks the store again. */
  readonly memoryTtlMs: (key: string) => number;
}

/** What an entry takes beside its key and value. */
const ENTRY_BYTES = 200;

/** An answer of the store whose tags have to be asked for. */
interface Waiting<Value> {
  readonly at: number;
  readonly framed: FramedEntry<Value>;
}

/** A usable entry, or why there is none. */
export type Found<Value> = CachedEntry<Value> | MissReason;

/** Reads of memory and store. */
export class Tiers<Value> {
  readonly memory: BoundedMap<CachedEntry<Value>>;
  readonly #reads: StoreReads<Found<Value>>;
  readonly #cost = new Cost();
  readonly #with: TierDependencies<Value>;
  readonly #tags: TagTable;
  readonly #proof: Proof;
  readonly #ticks: Ticks;
  readonly #store: StoreGuard | undefined;
  #lastTags: { readonly names: readonly string[]; readonly tags: readonly string[] } = { names: [], tags: [] };

  constructor(dependencies: TierDependencies<Value>) {
    this.#with = dependencies;
    this.#tags = dependencies.tags;
    this.#proof = dependencies.proof;
    this.#ticks = dependencies.ticks;
    this.#store = dependencies.store;
    this.#reads = new StoreReads({
      fences: dependencies.fences,
      proof: dependencies.proof,
      ask: (keys) => this.#store!.getMany(keys),
      takeIn: (read, stored, found) => this.#takeIn(read, stored, found),
    });
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

  /** Asks the store for `key`, together with whatever else is asked for in this turn; what it finds is copied into memory. */
  ask(key: string): KeyRead<Found<Value>> {
    return this.#reads.join(key);
  }

  /** The usable entry in the store; undefined: it did not answer. */
  async read(key: string): Promise<Found<Value> | undefined> {
    const { done, at } = this.ask(key);
    return (await done)[at];
  }

  /** Reads what memory has just lost, so that the next to ask finds it there again. */
  reread(key: string): void {
    this.ask(key);
  }

  /** Makes the entry of what the store holds, and keeps it in memory unless `fence` was struck. Rejects when the store does. */
  async adopt(key: string, stored: StoredValue, fence: Fence, asked: ProofMark): Promise<Found<Value>> {
    const { frames, clock } = this.#with;
    const framed = frames.decode(stored);
    if (!framed) return 'absent';
    for (;;) {
      const found = this.#admit(key, framed, asked, clock.now());
      if (found !== undefined) {
        if (typeof found === 'object' && !fence.struck) this.#keep(found);
        return found;
      }
      await this.#tags.settle(framed.tags);
    }
  }

  entryOf(parts: EntryParts<Value>): CachedEntry<Value> {
    if (this.#with.freezes) deepFreeze(parts.value);
    const entry = new CachedEntry(parts, this.#with.codec.sizeOf(parts.value) + 2 * parts.key.length + ENTRY_BYTES);
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

  /** One pass over the store's answers; those whose tags have to be asked for first wait for one question about all of these. */
  async #takeIn(
    { keys, lookout, mark }: StoreRead<Found<Value>>,
    stored: readonly (StoredValue | undefined)[],
    found: Answers<Found<Value>>,
  ): Promise<void> {
    const { frames, clock } = this.#with;
    const nowMs = clock.now();
    const waiting: Waiting<Value>[] = [];
    for (let at = 0; at < keys.length; at++) {
      const key = keys[at]!;
      const value = stored[at];
      const framed = value && frames.decode(value);
      if (framed) {
        const entry = (found[at] = this.#admit(key, framed, mark, nowMs));
        if (entry === undefined) waiting.push({ at, framed });
        else if (typeof entry === 'object' && !lookout.isStruck(key)) this.#keep(entry);
      } else {
        if (!value && !lookout.isStruck(key)) this.remove(key);
        found[at] = this.#whyAbsent(key);
      }
    }
    while (waiting.length > 0) {
      const group = waiting.splice(0, this.#tags.countAtOnce(waiting.map(({ framed }) => framed.tags)));
      await this.#tags.settle([...new Set(group.flatMap(({ framed }) => framed.tags))]);
      const againMs = clock.now();
      for (const each of group) {
        const entry = (found[each.at] = this.#admit(keys[each.at]!, each.framed, mark, againMs));
        if (entry === undefined) waiting.push(each);
        else if (typeof entry === 'object' && !lookout.isStruck(entry.key)) this.#keep(entry);
      }
    }
  }

  /** The entry of what the store holds, if it is usable; undefined while the versions of its tags are not known. */
  #admit(key: string, framed: FramedEntry<Value>, asked: ProofMark, nowMs: number): Found<Value> | undefined {
    const { value, times, loadMs, memoryTtlMs } = framed;
    if (times.usableUntilMs <= nowMs) return 'expired';
    const stamp = this.#tags.restore(framed.tags, framed.versions);
    if (!stamp) return undefined;
    const keptForMs = memoryTtlMs ?? this.#with.memoryTtlMs(key);
    const memoryUntilMs = Math.min(times.freshUntilMs, nowMs + keptForMs);
    const { era, confirmedMs } = asked;
    const tags = this.#usersTags(framed.tags);
    const entry = this.entryOf({ key, value, tags, times, loadMs, stamp, memoryUntilMs, memoryTtlMs, era, confirmedMs });
    const doubt = this.#checkTags(entry, nowMs);
    if (doubt) return doubt;
    entry.shared = true;
    return entry;
  }

  /** Keeps what was read, unless memory has something that was made or read later. */
  #keep(entry: CachedEntry<Value>): void {
    const present = this.memory.look(entry.key);
    if (present === undefined || present.confirmedMs <= entry.confirmedMs) this.memory.set(entry);
  }

  /** The store has to be asked about the entry, unless it is known to be away. */
  #unproven(entry: CachedEntry<Value>, nowMs: number): Found<Value> {
    const isAway = this.#store !== undefined && !this.#store.available;
    return (isAway ? this.withoutStore(entry, nowMs) : undefined) ?? 'unproven';
  }

  #whyAbsent(key: string): MissReason {
    return this.memory.wasEvicted(key) ? 'evicted' : 'absent';
  }

  /** {@link tagsOf}; values that were read after another often have the same. */
  #usersTags(names: readonly string[]): readonly string[] {
    if (names === this.#lastTags.names) return this.#lastTags.tags;
    const tags = tagsOf(names);
    this.#lastTags = { names, tags };
    return tags;
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
