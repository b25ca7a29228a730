import type { Entry, EntryOptions, FillLease, FillWait, ValueStore } from '../../../src/cache/index.ts';
import { type Clock, parseDuration } from '../../../src/kernel/index.ts';

/** The plainest store that keeps a `ValueStore`'s promises: one map, shared by as many page caches as a test wants. */
export class ReferenceStore<Value> implements ValueStore<Value> {
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry<Value>>();
  readonly #leases = new Map<string, { done: Promise<'committed' | 'abandoned'>; lose: () => void; tags: readonly string[] }>();
  /** Counts calls, for tests that hold how often the store is asked. */
  readonly calls = { entry: 0, begin: 0, commit: 0 };
  /** Set to make every asynchronous call fail. */
  fault: Error | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  peek(key: string): Entry<Value> | undefined {
    const entry = this.#entries.get(key);
    if (entry && this.#clock.now() >= entry.usableUntilMs) {
      this.#entries.delete(key);
      return undefined;
    }
    return entry;
  }

  async entry(key: string): Promise<Entry<Value> | undefined> {
    this.calls.entry++;
    this.#check();
    return this.peek(key);
  }

  async set(key: string, value: Value, options: EntryOptions = {}): Promise<void> {
    this.#check();
    const storedMs = this.#clock.now();
    const freshUntilMs = storedMs + parseDuration(options.ttl ?? '5m')!;
    const usableUntilMs = freshUntilMs + parseDuration(options.grace ?? 0)!;
    this.#entries.set(key, { value, tags: options.tags ?? [], storedMs, freshUntilMs, usableUntilMs });
  }

  async begin(key: string, options: { readonly tags?: readonly string[] } = {}): Promise<FillLease<Value> | FillWait> {
    this.calls.begin++;
    this.#check();
    const running = this.#leases.get(key);
    if (running) return { role: 'follower', done: running.done };
    const lost = new AbortController();
    const { promise: done, resolve } = Promise.withResolvers<'committed' | 'abandoned'>();
    const end = (how: 'committed' | 'abandoned'): void => {
      if (this.#leases.get(key) === own) this.#leases.delete(key);
      resolve(how);
    };
    const lose = (): void => {
      lost.abort(new Error('invalidated'));
      end('abandoned');
    };
    const own = { done, lose, tags: options.tags ?? [] };
    this.#leases.set(key, own);
    return {
      role: 'leader',
      signal: lost.signal,
      commit: async (value, entryOptions) => {
        this.calls.commit++;
        if (!lost.signal.aborted && !this.fault) await this.set(key, value, entryOptions);
        end(lost.signal.aborted ? 'abandoned' : 'committed');
        return !lost.signal.aborted;
      },
      abandon: async () => end('abandoned'),
    };
  }

  async delete(key: string): Promise<boolean> {
    this.#leases.get(key)?.lose();
    return this.#entries.delete(key);
  }

  async expire(key: string): Promise<boolean> {
    const entry = this.#entries.get(key);
    if (entry) this.#entries.set(key, { ...entry, freshUntilMs: Math.min(entry.freshUntilMs, this.#clock.now()) });
    return entry !== undefined;
  }

  async invalidateTags(tags: readonly string[], options: { readonly soft?: boolean } = {}): Promise<void> {
    this.#check();
    const hit = (own: readonly string[]): boolean => own.some((tag) => tags.includes(tag));
    for (const lease of this.#leases.values()) if (hit(lease.tags)) lease.lose();
    for (const [key, entry] of this.#entries) {
      if (!hit(entry.tags)) continue;
      if (options.soft) await this.expire(key);
      else this.#entries.delete(key);
    }
  }

  async clear(): Promise<void> {
    for (const lease of this.#leases.values()) lease.lose();
    this.#entries.clear();
  }

  async close(): Promise<void> {}

  get size(): number {
    return this.#entries.size;
  }

  keys(): string[] {
    return [...this.#entries.keys()];
  }

  #check(): void {
    if (this.fault) throw this.fault;
  }
}
