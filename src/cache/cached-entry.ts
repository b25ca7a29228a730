import type { Provable } from './proof.ts';
import type { Resident, ResidentQueue } from './resident.ts';
import type { TagStamp } from './tags.ts';
import type { Entry } from './types.ts';

export interface EntryTimes {
  /** When the value was made: the start of its load, so that its age is never flattered. Ms since the epoch, like all here. */
  readonly storedMs: number;
  readonly freshUntilMs: number;
  /** Until when a stale value serves at once. */
  readonly graceUntilMs: number;
  /** Until when it may serve at all: within grace, or while loading fails. */
  readonly usableUntilMs: number;
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
  /** What whoever stored it said of how long a process keeps its copy, ms. */
  readonly memoryTtlMs: number | undefined;
  /** Era and monotonic moment of {@link Proof} before the value was made or read. */
  readonly era: number;
  readonly confirmedMs: number;
}

/** A value with all that the cache knows of it; in memory it is a member of the eviction queues too. */
export class CachedEntry<Value> implements Entry<Value>, Resident, Provable {
  // What a hit reads comes first, to lie together in memory.
  value: Value;
  /** Until then (see {@link Ticks}) it is fresh, needs no early refresh, and memory need not ask the store. */
  settledTick = 0;
  /** {@link TagTable.epoch} when the stamp was last found valid. */
  checkedEpoch = -1;
  visits = 0;

  readonly key: string;
  readonly tags: readonly string[];
  readonly storedMs: number;
  freshUntilMs: number;
  graceUntilMs: number;
  usableUntilMs: number;
  /** How long the load took: what a miss would cost. */
  readonly loadMs: number;
  stamp: TagStamp;
  /** Until when this process need not ask the store for a newer one. */
  memoryUntilMs: number;
  /** Goes to the store with it, for the copies of others. */
  readonly memoryTtlMs: number | undefined;
  /** See {@link Provable}. */
  readonly era: number;
  confirmedMs: number;

  /** Whether the store has it too, as far as this process knows. */
  shared = false;
  /** The store may still tell of it as a change, although this process made it. */
  isOwn = false;
  /** Loads the value anew, where prefetching asked to remember how. */
  reload: (() => Promise<unknown>) | undefined = undefined;

  readonly bytes: number;
  queue: ResidentQueue<this> | undefined = undefined;
  older: this | undefined = undefined;
  newer: this | undefined = undefined;

  constructor(parts: EntryParts<Value>, bytes: number) {
    this.key = parts.key;
    this.value = parts.value;
    this.tags = parts.tags;
    this.storedMs = parts.times.storedMs;
    this.freshUntilMs = parts.times.freshUntilMs;
    this.graceUntilMs = parts.times.graceUntilMs;
    this.usableUntilMs = parts.times.usableUntilMs;
    this.loadMs = parts.loadMs;
    this.stamp = parts.stamp;
    this.memoryUntilMs = parts.memoryUntilMs;
    this.memoryTtlMs = parts.memoryTtlMs;
    this.era = parts.era;
    this.confirmedMs = parts.confirmedMs;
    this.bytes = bytes;
  }

  /** Stale from `nowMs` on; grace counts from there. */
  expire(nowMs: number): void {
    const earlierMs = this.freshUntilMs - nowMs;
    if (earlierMs <= 0) return;
    this.settledTick = 0;
    this.freshUntilMs -= earlierMs;
    this.graceUntilMs -= earlierMs;
    this.usableUntilMs -= earlierMs;
  }

  /** The same entry as it is seen when its TTL ended at `endMs` already. */
  asOf(endMs: number): CachedEntry<Value> {
    const { storedMs, freshUntilMs, graceUntilMs, usableUntilMs } = this;
    const copy = new CachedEntry<Value>({ ...this, times: { storedMs, freshUntilMs, graceUntilMs, usableUntilMs } }, this.bytes);
    copy.reload = this.reload;
    copy.expire(endMs);
    return copy;
  }
}
