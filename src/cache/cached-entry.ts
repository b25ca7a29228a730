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

  constructor(fields: {
    readonly key: string;
    readonly value: Value;
    readonly tags: readonly string[];
    readonly times: EntryTimes;
    readonly loadMs: number;
    readonly stamp: TagStamp;
    readonly memoryUntilMs: number;
    readonly era: number;
    readonly confirmedMs: number;
    readonly bytes: number;
  }) {
    this.key = fields.key;
    this.value = fields.value;
    this.tags = fields.tags;
    this.storedMs = fields.times.storedMs;
    this.freshUntilMs = fields.times.freshUntilMs;
    this.graceUntilMs = fields.times.graceUntilMs;
    this.usableUntilMs = fields.times.usableUntilMs;
    this.loadMs = fields.loadMs;
    this.stamp = fields.stamp;
    this.memoryUntilMs = fields.memoryUntilMs;
    this.era = fields.era;
    this.confirmedMs = fields.confirmedMs;
    this.bytes = fields.bytes;
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
    const copy = new CachedEntry<Value>({ ...this, times: { storedMs, freshUntilMs, graceUntilMs, usableUntilMs } });
    copy.reload = this.reload;
    copy.expire(endMs);
    return copy;
  }
}
