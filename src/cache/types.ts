import type { Duration, Size } from '../kernel/index.ts';

/** Turns values into bytes for the shared store, and says how large they are in memory. */
export interface Codec<Value> {
  encode(value: Value): Uint8Array;
  decode(bytes: Uint8Array): Value;
  /** Bytes the value occupies in memory, roughly. */
  sizeOf(value: Value): number;
}

export interface EntryOptions {
  /** How long the value is fresh. */
  readonly ttl?: Duration;
  /** How long past its TTL a stale value may serve: while a new one loads, or while loading fails. */
  readonly grace?: Duration;
  /** How long past its TTL a stale value may serve when loading fails; beyond `grace`, callers wait for the load first. */
  readonly staleIfError?: Duration;
  readonly tags?: readonly string[];
  /** How long one process keeps its copy before it asks the store again. Default: as long as the value is fresh. */
  readonly memoryTtl?: Duration;
}

/** A stored value with its times (ms since the epoch). */
export interface Entry<Value> {
  readonly value: Value;
  readonly tags: readonly string[];
  readonly storedMs: number;
  /** Until when it is fresh. A soft invalidation moves it to the past. */
  readonly freshUntilMs: number;
  /** Until when it may serve stale. */
  readonly usableUntilMs: number;
}

/**
 * The right to fill a key, held by one process of the fleet at a time. The versions of key and tags were taken when it
 * was given, so a `commit` after an invalidation stores nothing.
 */
export interface FillLease<Value> {
  readonly role: 'leader';
  /** Aborts when the lease is lost (its holder was too slow to renew it, or the key was invalidated). */
  readonly signal: AbortSignal;
  /** Stores the value; false when an invalidation came between, and nothing was stored. */
  commit(value: Value, options: EntryOptions): Promise<boolean>;
  /** Gives the lease back without a value; the next in line may try. With `error`, it is remembered with backoff. */
  abandon(error?: unknown): Promise<void>;
}

/** Someone else fills the key. */
export interface FillWait {
  readonly role: 'follower';
  /** Settles when the leader has committed or abandoned, or was lost. */
  readonly done: Promise<'committed' | 'abandoned'>;
  /** Nobody fills it now: the last fill failed, and for `retryAfterMs` nobody may try. `done` is settled. */
  readonly failure?: { readonly error: unknown; readonly retryAfterMs: number };
}

/** What other rooms use of the cache; users see the same object with more to it. */
export interface ValueStore<Value> {
  /**
   * The entry in this process's memory, usable or not at all; never waits. Counts as a read.
   * @param nowMs the time (wall clock), for a caller that has just read it.
   */
  peek(key: string, nowMs?: number): Entry<Value> | undefined;
  /** Memory, then the shared store. Stale entries within grace are returned too: look at `freshUntilMs`. */
  entry(key: string): Promise<Entry<Value> | undefined>;
  set(key: string, value: Value, options?: EntryOptions): Promise<void>;
  /** Asks for the right to fill `key`. `tags`: those known beforehand, so that their invalidation fences the fill. */
  begin(key: string, options?: { readonly tags?: readonly string[] }): Promise<FillLease<Value> | FillWait>;
  delete(key: string): Promise<boolean>;
  /** Soft: from now on stale, still usable within its grace. */
  expire(key: string): Promise<boolean>;
  /** Every entry with one of the tags, on every process: gone, or only stale with `soft`. */
  invalidateTags(tags: readonly string[], options?: { readonly soft?: boolean }): Promise<void>;
  clear(): Promise<void>;
  close(): Promise<void>;
}

/** Bounds of the memory tier. */
export interface MemoryOptions {
  readonly maxBytes?: Size;
  readonly maxEntries?: number;
}
