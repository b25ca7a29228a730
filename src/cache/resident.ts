/** Something a {@link BoundedMap} holds. The queue's own fields are set by it. */
export interface Resident {
  readonly key: string;
  /** Weight in bytes. */
  readonly bytes: number;
  /** Reads since it came in, as far as its map counts them. */
  visits: number;
  queue: ResidentQueue<this> | undefined;
  older: this | undefined;
  newer: this | undefined;
}

/** A first-in-first-out list threaded through its members, so that any of them can leave at once. */
export class ResidentQueue<Member extends Resident> {
  #oldest: Member | undefined;
  #newest: Member | undefined;
  size = 0;
  bytes = 0;

  get oldest(): Member | undefined {
    return this.#oldest;
  }

  push(member: Member): void {
    member.queue = this;
    member.older = this.#newest;
    member.newer = undefined;
    if (this.#newest) this.#newest.newer = member;
    else this.#oldest = member;
    this.#newest = member;
    this.size++;
    this.bytes += member.bytes;
  }

  remove(member: Member): void {
    if (member.older) member.older.newer = member.newer;
    else this.#oldest = member.newer;
    if (member.newer) member.newer.older = member.older;
    else this.#newest = member.older;
    member.queue = member.older = member.newer = undefined;
    this.size--;
    this.bytes -= member.bytes;
  }

  /** Puts `fresh` where `stale` stands. */
  swap(stale: Member, fresh: Member): void {
    fresh.queue = this;
    fresh.older = stale.older;
    fresh.newer = stale.newer;
    if (fresh.older) fresh.older.newer = fresh;
    else this.#oldest = fresh;
    if (fresh.newer) fresh.newer.older = fresh;
    else this.#newest = fresh;
    stale.queue = stale.older = stale.newer = undefined;
    this.bytes += fresh.bytes - stale.bytes;
  }
}

/** A map bounded by entries and bytes; what leaves when it is full is the policy. */
export interface BoundedMap<Member extends Resident> {
  readonly size: number;
  readonly bytes: number;
  maxEntries: number;
  maxBytes: number;
  /** Counts as a read. */
  get(key: string): Member | undefined;
  /** Does not count as a read. */
  look(key: string): Member | undefined;
  /** Whether `key` was evicted not long ago. */
  wasEvicted(key: string): boolean;
  values(): MapIterator<Member>;
  /** Takes `member` in, in place of the one with the same key, and evicts what no longer fits (perhaps `member` itself). */
  set(member: Member): void;
  delete(member: Member): void;
  clear(): void;
  /** Evicts until everything is within the bounds. */
  shrink(): void;
}
