/** A value in the shared store. The two times are the store's to change; `bytes` are the cache's business. */
export interface StoredValue {
  /** When the value was made, ms since the epoch. */
  readonly storedMs: number;
  /** Until when it is fresh. {@link KvStore.expire} moves it to the past. */
  readonly freshUntilMs: number;
  readonly bytes: Uint8Array;
}

/** A value to store under `key` for at most `keepMs`. */
export interface StoreWrite {
  readonly key: string;
  readonly value: StoredValue;
  readonly keepMs: number;
}

/**
 * The version of a tag. `hard` changes when its entries become worthless, `soft` when they become stale. Both are unique
 * for all time: a store that lost a version makes up a new one, so that a loss can only cost hits.
 */
export interface TagVersion {
  readonly hard: string;
  readonly soft: string;
  /** Made up by this very question: the store knew of no change of the tag. */
  readonly isNew?: boolean;
}

/** What {@link KvStore.acquire} decided, in one step on the store. */
export type Acquisition =
  /** The caller may fill the key: its token is the lease, until `leaseMs` pass without {@link KvStore.renew}. */
  | { readonly outcome: 'granted' }
  /** Someone has stored a newer value than the caller has seen. */
  | { readonly outcome: 'stored'; readonly value: StoredValue }
  /** Another process fills the key; its lease ends in `leftMs` unless it renews it. */
  | { readonly outcome: 'held'; readonly leftMs: number }
  /** The last fill failed; nobody may try again for `leftMs`. */
  | { readonly outcome: 'failed'; readonly failure: FillFailure; readonly leftMs: number };

/** A failed fill, remembered so that a failing loader is not stormed. */
export interface FillFailure {
  /** How many fills failed one after the other. */
  readonly attempts: number;
  readonly message: string;
}

/**
 * What a store tells those who watch it. Messages may be lost or late, see {@link StoreWatch.provenMs}; and they may tell of
 * the listener's own changes, after they were confirmed.
 */
export interface StoreListener {
  /** The value of `key` was stored, removed or changed by another process. */
  onValue(key: string): void;
  /** A tag's version changed. */
  onTag(tag: string): void;
  /** Values whose key matches were removed by another process. */
  onPattern(pattern: string): void;
  /** The fill of `key` was given up. */
  onAbandoned(key: string): void;
  /**
   * Messages may have been missed: whatever was copied from the store must be asked for again. Called before
   * {@link StoreWatch.provenMs} is taken back.
   */
  onGap(): void;
}

export interface StoreWatch {
  /**
   * Everything that changed in the store before this moment (on the clock's monotonic scale) has been told.
   * -Infinity while nothing is proven.
   */
  readonly provenMs: number;
  close(): Promise<void>;
}

/**
 * Values shared by every process of a fleet, with leases to fill them and versions of tags. Each method is atomic per key
 * and rejects when the store is down; none waits longer than the driver's own timeout. Every change to a value ends the
 * lease on its key, so that a fill which began before the change stores nothing, and forgets that filling it failed.
 */
export interface KvStore {
  /** What kind of store it is, for messages: `redis`. */
  readonly name: string;
  get(key: string): Promise<StoredValue | undefined>;
  getMany(keys: readonly string[]): Promise<(StoredValue | undefined)[]>;
  /** Stores unconditionally; with `ifNewer` only over values with an earlier `storedMs`. */
  put(writes: readonly StoreWrite[], options?: { readonly ifNewer?: boolean }): Promise<void>;
  /** Removes; with `beforeMs` only values made before. Resolves with how many there were. */
  remove(keys: readonly string[], options?: { readonly beforeMs?: number }): Promise<number>;
  /** Marks as stale since `nowMs`; false when there was nothing to mark. */
  expire(key: string, nowMs: number): Promise<boolean>;
  /**
   * Removes every value whose key matches the glob (`*`, `?`, `[ab]`, `\` escapes), also values whose fill was running
   * when the call began. Never blocks the store; resolves with how many were removed.
   */
  removeMatching(pattern: string): Promise<number>;

  /** Asks to fill `key` for someone who has seen the value made at `seenMs` (0: none). `token` must be unique. */
  acquire(key: string, token: string, leaseMs: number, seenMs: number): Promise<Acquisition>;
  /** Prolongs a lease; false when it is lost. */
  renew(key: string, token: string, leaseMs: number): Promise<boolean>;
  /** Stores and ends the lease; false, and nothing stored, when the lease is lost. */
  commit(token: string, write: StoreWrite): Promise<boolean>;
  /** Ends the lease and wakes those who wait. A `failure` is remembered for `keepMs`. */
  abandon(key: string, token: string, failure?: FillFailure, keepMs?: number): Promise<void>;

  /** The tags' versions, in order; those unknown are made up. */
  versions(tags: readonly string[]): Promise<TagVersion[]>;
  /** Changes the tags' versions; resolves with the new ones. */
  bump(tags: readonly string[], soft: boolean): Promise<TagVersion[]>;

  /** Resolves when the store answers. */
  ping(): Promise<void>;
  /** Tells `listener` of changes by others. `maxStalenessMs` bounds how old {@link StoreWatch.provenMs} gets while all is well. */
  watch(listener: StoreListener, maxStalenessMs: number): StoreWatch;
  close(): Promise<void>;
}
