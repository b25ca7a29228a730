import { runtimeFrom, type Clock, type Runtime } from '../kernel/index.ts';
import type {
  Acquisition,
  FillFailure,
  KvStore,
  StoredValue,
  StoreListener,
  StoreWatch,
  StoreWrite,
  TagVersion,
} from '../ports/index.ts';

interface Kept<Value> {
  readonly value: Value;
  readonly untilMs: number;
}

/** Which change a {@link MemoryKvServer} tells of, and to whom not: whoever made it. */
export type Change =
  | { readonly by: object; readonly kind: 'value' | 'abandoned'; readonly key: string }
  | { readonly by: object; readonly kind: 'tag'; readonly tag: string }
  | { readonly by: object; readonly kind: 'pattern'; readonly pattern: string };

const SWEEP_AT_ENTRIES = 10_000;

/**
 * What Redis does for a fleet, in one process: the reference the others are held to. Every method happens at once;
 * `by` stands for the connection that calls.
 */
export class MemoryKvServer {
  readonly #clock: Clock;
  readonly #matches: (pattern: string) => (key: string) => boolean;
  readonly #values = new Map<string, Kept<StoredValue>>();
  readonly #leases = new Map<string, Kept<string>>();
  readonly #failures = new Map<string, Kept<FillFailure>>();
  readonly #tags = new Map<string, TagVersion>();
  readonly #listeners = new Set<(change: Change) => void>();
  #versions = 0;

  /** @param matches how to read a glob pattern. */
  constructor(clock: Clock, matches: (pattern: string) => (key: string) => boolean) {
    this.#clock = clock;
    this.#matches = matches;
  }

  onChange(listener: (change: Change) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  get(key: string): StoredValue | undefined {
    return this.#live(this.#values, key);
  }

  put(by: object, { key, value, keepMs }: StoreWrite, ifNewer: boolean): boolean {
    if (ifNewer && (this.get(key)?.storedMs ?? -Infinity) >= value.storedMs) return false;
    this.#endLease(key);
    this.#keep(this.#values, key, value, keepMs);
    this.#tell({ by, kind: 'value', key });
    return true;
  }

  remove(by: object, key: string, beforeMs = Infinity): boolean {
    const present = this.get(key);
    if (present && present.storedMs >= beforeMs) return false;
    this.#endLease(key);
    this.#values.delete(key);
    this.#tell({ by, kind: 'value', key });
    return present !== undefined;
  }

  expire(by: object, key: string, nowMs: number): boolean {
    this.#endLease(key);
    const kept = this.#values.get(key);
    if (kept) {
      const freshUntilMs = Math.min(kept.value.freshUntilMs, nowMs);
      this.#values.set(key, { ...kept, value: { ...kept.value, freshUntilMs } });
    }
    this.#tell({ by, kind: 'value', key });
    return kept !== undefined;
  }

  removeMatching(by: object, pattern: string): number {
    const test = this.#matches(pattern);
    this.#tell({ by, kind: 'pattern', pattern });
    for (const key of this.#leases.keys()) if (test(key)) this.#leases.delete(key);
    return [...this.#values.keys()].filter((key) => test(key) && this.remove(by, key)).length;
  }

  acquire(key: string, token: string, leaseMs: number, seenMs: number): Acquisition {
    const value = this.get(key);
    if (value && value.storedMs > seenMs) return { outcome: 'stored', value };
    const failure = this.#live(this.#failures, key);
    if (failure) return { outcome: 'failed', failure, leftMs: this.#leftMs(this.#failures, key) };
    if (this.#live(this.#leases, key) !== undefined) return { outcome: 'held', leftMs: this.#leftMs(this.#leases, key) };
    this.#keep(this.#leases, key, token, leaseMs);
    return { outcome: 'granted' };
  }

  renew(key: string, token: string, leaseMs: number): boolean {
    if (this.#live(this.#leases, key) !== token) return false;
    this.#keep(this.#leases, key, token, leaseMs);
    return true;
  }

  commit(by: object, token: string, write: StoreWrite): boolean {
    return this.#live(this.#leases, write.key) === token && this.put(by, write, false);
  }

  abandon(by: object, key: string, token: string, failure: FillFailure | undefined, keepMs: number): void {
    if (this.#live(this.#leases, key) !== token) return;
    this.#leases.delete(key);
    if (failure) this.#keep(this.#failures, key, failure, keepMs);
    this.#tell({ by, kind: 'abandoned', key });
  }

  version(by: object, tag: string): TagVersion {
    const present = this.#tags.get(tag);
    if (present) return present;
    const made = this.#newVersion();
    this.#tags.set(tag, made);
    this.#tell({ by, kind: 'tag', tag });
    return made;
  }

  bump(by: object, tag: string, soft: boolean): TagVersion {
    const made = this.#newVersion();
    const version = soft ? { hard: this.#tags.get(tag)?.hard ?? made.hard, soft: made.soft } : made;
    this.#tags.set(tag, version);
    this.#tell({ by, kind: 'tag', tag });
    return version;
  }

  #endLease(key: string): void {
    this.#leases.delete(key);
    this.#failures.delete(key);
  }

  #live<Value>(kept: Map<string, Kept<Value>>, key: string): Value | undefined {
    const found = kept.get(key);
    if (!found || found.untilMs > this.#clock.monotonic()) return found?.value;
    kept.delete(key);
    return undefined;
  }

  #leftMs(kept: Map<string, Kept<unknown>>, key: string): number {
    return Math.max(1, kept.get(key)!.untilMs - this.#clock.monotonic());
  }

  #keep<Value>(kept: Map<string, Kept<Value>>, key: string, value: Value, keepMs: number): void {
    const nowMs = this.#clock.monotonic();
    kept.set(key, { value, untilMs: nowMs + keepMs });
    if (kept.size % SWEEP_AT_ENTRIES !== 0) return;
    for (const [name, { untilMs }] of kept) if (untilMs <= nowMs) kept.delete(name);
  }

  #newVersion(): TagVersion {
    const version = `v${++this.#versions}`;
    return { hard: version, soft: version };
  }

  #tell(change: Change): void {
    for (const listener of this.#listeners) listener(change);
  }
}

/** Passes a change to those of a listener's methods that it is for. */
export function deliver(change: Change, listener: StoreListener): void {
  switch (change.kind) {
    case 'value':
      return listener.onValue(change.key);
    case 'abandoned':
      return listener.onAbandoned(change.key);
    case 'tag':
      return listener.onTag(change.tag);
    case 'pattern':
      return listener.onPattern(change.pattern);
  }
}

/** A connection to `server` that never fails: several caches of one process share their values through it. */
export function createMemoryKvStore(server: MemoryKvServer, runtime: Partial<Runtime> = {}): KvStore {
  return new MemoryKvStore(server, runtimeFrom(runtime).clock);
}

class MemoryKvStore implements KvStore {
  readonly name = 'memory';
  readonly #server: MemoryKvServer;
  readonly #clock: Clock;
  readonly #closers = new Set<() => void>();

  constructor(server: MemoryKvServer, clock: Clock) {
    this.#server = server;
    this.#clock = clock;
  }

  async get(key: string): Promise<StoredValue | undefined> {
    return this.#server.get(key);
  }

  async getMany(keys: readonly string[]): Promise<(StoredValue | undefined)[]> {
    return keys.map((key) => this.#server.get(key));
  }

  async put(writes: readonly StoreWrite[], { ifNewer = false }: { readonly ifNewer?: boolean } = {}): Promise<void> {
    for (const write of writes) this.#server.put(this, write, ifNewer);
  }

  async remove(keys: readonly string[], { beforeMs }: { readonly beforeMs?: number } = {}): Promise<number> {
    return keys.filter((key) => this.#server.remove(this, key, beforeMs)).length;
  }

  async expire(key: string, nowMs: number): Promise<boolean> {
    return this.#server.expire(this, key, nowMs);
  }

  async removeMatching(pattern: string): Promise<number> {
    return this.#server.removeMatching(this, pattern);
  }

  async acquire(key: string, token: string, leaseMs: number, seenMs: number): Promise<Acquisition> {
    return this.#server.acquire(key, token, leaseMs, seenMs);
  }

  async renew(key: string, token: string, leaseMs: number): Promise<boolean> {
    return this.#server.renew(key, token, leaseMs);
  }

  async commit(token: string, write: StoreWrite): Promise<boolean> {
    return this.#server.commit(this, token, write);
  }

  async abandon(key: string, token: string, failure?: FillFailure, keepMs = 1): Promise<void> {
    this.#server.abandon(this, key, token, failure, keepMs);
  }

  async versions(tags: readonly string[]): Promise<TagVersion[]> {
    return tags.map((tag) => this.#server.version(this, tag));
  }

  async bump(tags: readonly string[], soft: boolean): Promise<TagVersion[]> {
    return tags.map((tag) => this.#server.bump(this, tag, soft));
  }

  async ping(): Promise<void> {}

  watch(listener: StoreListener): StoreWatch {
    const stop = this.#server.onChange((change) => {
      if (change.by !== this) deliver(change, listener);
    });
    this.#closers.add(stop);
    const clock = this.#clock;
    return {
      get provenMs() {
        return clock.monotonic();
      },
      close: async () => stop(),
    };
  }

  async close(): Promise<void> {
    for (const stop of this.#closers) stop();
  }
}
