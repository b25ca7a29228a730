import { randomUUID } from 'node:crypto';
import { globTest, runtimeFrom, type Clock, type Runtime } from '../kernel/index.ts';
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

export interface MemoryKvStoreOptions {
  /** Bytes of values kept; the least recently used go first. Default 256 MB. */
  readonly maxBytes?: number;
  /** Tags whose versions are kept; a forgotten one costs its entries. Default 200,000. */
  readonly maxTags?: number;
}

interface Kept {
  readonly value: StoredValue;
  readonly bytes: number;
  readonly untilMs: number;
}

interface Lease {
  readonly token: string;
  readonly holder: MemoryKvClient;
  readonly untilMs: number;
}

interface Remembered {
  readonly failure: FillFailure;
  readonly untilMs: number;
}

/** What a value takes beside its bytes. */
const ENTRY_BYTES = 200;
const MAX_REMEMBERED = 10_000;

/**
 * A store for several caches of one process, or through `remote-kv-store.ts` of one machine: a fleet without Redis. Each
 * cache connects as a client of its own and hears of what the others change. Least recently used values are evicted.
 */
export class MemoryKvStore {
  readonly clock: Clock;
  readonly #options: Required<MemoryKvStoreOptions>;
  /** Least recently used first. */
  readonly #values = new Map<string, Kept>();
  readonly #leases = new Map<string, Lease>();
  readonly #failures = new Map<string, Remembered>();
  readonly #tags = new Map<string, TagVersion>();
  readonly #clients = new Set<MemoryKvClient>();
  /** Makes versions unique for all time, together with the count. */
  readonly #epoch = randomUUID().slice(0, 8);
  #versions = 0;
  #bytes = 0;

  constructor(options: MemoryKvStoreOptions = {}, runtime: Partial<Runtime> = {}) {
    const { clock, metrics } = runtimeFrom(runtime);
    this.clock = clock;
    this.#options = { maxBytes: options.maxBytes ?? 256 * 1024 ** 2, maxTags: options.maxTags ?? 200_000 };
    const entries = metrics.gauge({ name: 'spillway_store_entries', help: 'Values in the store shared by the workers.' });
    const bytes = metrics.gauge({ name: 'spillway_store_size_bytes', unit: 'bytes', help: 'Bytes of those values.' });
    metrics.onCollect(() => {
      entries.series().set(this.#values.size);
      bytes.series().set(this.#bytes);
    });
  }

  /** A client; its `close` gives back the leases it holds. */
  connect(): KvStore {
    const client = new MemoryKvClient(this);
    this.#clients.add(client);
    return client;
  }

  read(key: string): StoredValue | undefined {
    const kept = this.#values.get(key);
    if (!kept) return undefined;
    if (kept.untilMs <= this.clock.monotonic()) return void this.#drop(key);
    // The end of the map is the most recently used.
    this.#values.delete(key);
    this.#values.set(key, kept);
    return kept.value;
  }

  write({ key, value, keepMs }: StoreWrite, by: MemoryKvClient, ifNewer: boolean): void {
    if (ifNewer && (this.read(key)?.storedMs ?? -Infinity) >= value.storedMs) return;
    this.#drop(key);
    this.#leases.delete(key);
    this.#failures.delete(key);
    const bytes = value.bytes.byteLength + key.length * 2 + ENTRY_BYTES;
    this.#values.set(key, { value, bytes, untilMs: this.clock.monotonic() + keepMs });
    this.#bytes += bytes;
    this.#evict();
    this.#tell(by, (listener) => listener.onValue(key));
  }

  delete(key: string, by: MemoryKvClient, beforeMs = Infinity): boolean {
    const present = this.read(key);
    if (present && present.storedMs >= beforeMs) return false;
    this.#leases.delete(key);
    this.#failures.delete(key);
    this.#drop(key);
    this.#tell(by, (listener) => listener.onValue(key));
    return present !== undefined;
  }

  expire(key: string, nowMs: number, by: MemoryKvClient): boolean {
    this.#leases.delete(key);
    this.#failures.delete(key);
    const kept = this.#values.get(key);
    if (kept)
      this.#values.set(key, { ...kept, value: { ...kept.value, freshUntilMs: Math.min(kept.value.freshUntilMs, nowMs) } });
    this.#tell(by, (listener) => listener.onValue(key));
    return kept !== undefined;
  }

  removeMatching(pattern: string, by: MemoryKvClient): number {
    const test = globTest(pattern);
    for (const key of [...this.#leases.keys()].filter(test)) this.#leases.delete(key);
    const keys = [...this.#values.keys()].filter(test);
    for (const key of keys) this.#drop(key);
    this.#tell(by, (listener) => listener.onPattern(pattern));
    return keys.length;
  }

  acquire(key: string, token: string, leaseMs: number, seenMs: number, by: MemoryKvClient): Acquisition {
    const nowMs = this.clock.monotonic();
    const value = this.read(key);
    if (value && value.storedMs > seenMs) return { outcome: 'stored', value };
    const remembered = this.#failures.get(key);
    if (remembered && remembered.untilMs > nowMs) {
      return { outcome: 'failed', failure: remembered.failure, leftMs: remembered.untilMs - nowMs };
    }
    const lease = this.#leases.get(key);
    if (lease && lease.untilMs > nowMs) return { outcome: 'held', leftMs: lease.untilMs - nowMs };
    this.#leases.set(key, { token, holder: by, untilMs: nowMs + leaseMs });
    return { outcome: 'granted' };
  }

  renew(key: string, token: string, leaseMs: number): boolean {
    const lease = this.#leases.get(key);
    if (lease?.token !== token) return false;
    this.#leases.set(key, { ...lease, untilMs: this.clock.monotonic() + leaseMs });
    return true;
  }

  commit(token: string, write: StoreWrite, by: MemoryKvClient): boolean {
    if (this.#leases.get(write.key)?.token !== token) return false;
    this.write(write, by, false);
    return true;
  }

  abandon(key: string, token: string, failure: FillFailure | undefined, keepMs: number, by: MemoryKvClient): void {
    if (this.#leases.get(key)?.token !== token) return;
    this.#leases.delete(key);
    if (failure) this.#remember(key, { failure, untilMs: this.clock.monotonic() + keepMs });
    this.#tell(by, (listener) => listener.onAbandoned(key));
  }

  version(tag: string): TagVersion {
    const known = this.#tags.get(tag);
    return known ?? { ...this.#setVersion(tag, { hard: this.#next(), soft: this.#next() }), isNew: true };
  }

  bump(tag: string, soft: boolean, by: MemoryKvClient): TagVersion {
    const known = this.version(tag);
    const version = this.#setVersion(tag, { hard: soft ? known.hard : this.#next(), soft: this.#next() });
    this.#tell(by, (listener) => listener.onTag(tag));
    return version;
  }

  disconnect(client: MemoryKvClient): void {
    this.#clients.delete(client);
    for (const [key, lease] of this.#leases) {
      if (lease.holder === client) this.abandon(key, lease.token, undefined, 0, client);
    }
  }

  #setVersion(tag: string, version: TagVersion): TagVersion {
    this.#tags.delete(tag);
    this.#tags.set(tag, version);
    if (this.#tags.size > this.#options.maxTags) this.#tags.delete(this.#tags.keys().next().value!);
    return version;
  }

  #next(): string {
    return `${this.#epoch}.${++this.#versions}`;
  }

  #remember(key: string, remembered: Remembered): void {
    this.#failures.delete(key);
    this.#failures.set(key, remembered);
    if (this.#failures.size > MAX_REMEMBERED) this.#failures.delete(this.#failures.keys().next().value!);
  }

  #drop(key: string): void {
    const kept = this.#values.get(key);
    if (!kept) return;
    this.#values.delete(key);
    this.#bytes -= kept.bytes;
  }

  #evict(): void {
    while (this.#bytes > this.#options.maxBytes) this.#drop(this.#values.keys().next().value!);
  }

  #tell(by: MemoryKvClient, what: (listener: StoreListener) => void): void {
    for (const client of this.#clients) if (client !== by) for (const listener of client.listeners) what(listener);
  }
}

/** One cache's way to a {@link MemoryKvStore}. */
class MemoryKvClient implements KvStore {
  readonly name = 'memory';
  readonly listeners = new Set<StoreListener>();
  readonly #store: MemoryKvStore;

  constructor(store: MemoryKvStore) {
    this.#store = store;
  }

  get(key: string): Promise<StoredValue | undefined> {
    return Promise.resolve(this.#store.read(key));
  }

  getMany(keys: readonly string[]): Promise<(StoredValue | undefined)[]> {
    return Promise.resolve(keys.map((key) => this.#store.read(key)));
  }

  async put(writes: readonly StoreWrite[], { ifNewer = false } = {}): Promise<void> {
    for (const write of writes) this.#store.write(write, this, ifNewer);
  }

  async remove(keys: readonly string[], { beforeMs }: { readonly beforeMs?: number } = {}): Promise<number> {
    return keys.filter((key) => this.#store.delete(key, this, beforeMs)).length;
  }

  async expire(key: string, nowMs: number): Promise<boolean> {
    return this.#store.expire(key, nowMs, this);
  }

  async removeMatching(pattern: string): Promise<number> {
    return this.#store.removeMatching(pattern, this);
  }

  async acquire(key: string, token: string, leaseMs: number, seenMs: number): Promise<Acquisition> {
    return this.#store.acquire(key, token, leaseMs, seenMs, this);
  }

  async renew(key: string, token: string, leaseMs: number): Promise<boolean> {
    return this.#store.renew(key, token, leaseMs);
  }

  async commit(token: string, write: StoreWrite): Promise<boolean> {
    return this.#store.commit(token, write, this);
  }

  async abandon(key: string, token: string, failure?: FillFailure, keepMs = 0): Promise<void> {
    this.#store.abandon(key, token, failure, keepMs, this);
  }

  async versions(tags: readonly string[]): Promise<TagVersion[]> {
    return tags.map((tag) => this.#store.version(tag));
  }

  async bump(tags: readonly string[], soft: boolean): Promise<TagVersion[]> {
    return tags.map((tag) => this.#store.bump(tag, soft, this));
  }

  async ping(): Promise<void> {}

  /** Listeners are called within the change itself: nothing is ever unproven. */
  watch(listener: StoreListener): StoreWatch {
    const { clock } = this.#store;
    this.listeners.add(listener);
    return {
      get provenMs() {
        return clock.monotonic();
      },
      close: async () => void this.listeners.delete(listener),
    };
  }

  async close(): Promise<void> {
    this.listeners.clear();
    this.#store.disconnect(this);
  }
}
