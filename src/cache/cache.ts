import { createRedisKvStore } from '../drivers/redis-kv-store.ts';
import { parseOptions, runtimeFrom, type Duration, type Events, type Runtime } from '../kernel/index.ts';
import { Batch, type BatchLoader } from './batch.ts';
import type { CachedEntry } from './cached-entry.ts';
import { toMs } from './durations.ts';
import { Engine } from './engine.ts';
import type { CacheEvents } from './events.ts';
import type { Fill } from './fills.ts';
import { valueCodec } from './value-codec.ts';
import { warm, type WarmOptions, type WarmProgress } from './warm.ts';
import { explain, type Explanation } from './explain.ts';
import type { Loader, LoaderContext, LoadSettings } from './loads.ts';
import { cacheOptions, type CacheOptions } from './options.ts';
import type { StandardSchema } from './schema.ts';
import type { CacheStatistics } from './statistics.ts';
import { EVERYTHING, tagName } from './tag-names.ts';
import type { Found } from './tiers.ts';
import type { Codec, Entry, EntryOptions, FillLease, FillWait, ValueStore } from './types.ts';

/** Options of one {@link Cache.getOrSet}. */
export interface LoadOptions extends EntryOptions {
  /** How long to wait for the new value when a stale one within grace could serve. Default: not at all. */
  readonly timeout?: EntryOptions['ttl'];
  /** How long to wait at most when there is nothing to serve; then the loader's signal aborts. */
  readonly hardTimeout?: EntryOptions['ttl'];
  /** Loads although there is a fresh value. */
  readonly forceFresh?: boolean;
  /** Ends the wait of this caller; the load goes on for others. */
  readonly signal?: AbortSignal;
}

/** {@link LoadOptions} of one {@link Cache.getOrSet}. */
export interface GetOrSetOptions<Value> extends LoadOptions {
  /** Checks what comes from the cache (zod, valibot, arktype, …); a value it refuses is loaded anew, a transform migrates it. */
  readonly schema?: StandardSchema<Value>;
}

/** What {@link Cache.define} takes. */
export interface Definition<Args extends readonly unknown[], Value> extends GetOrSetOptions<Value> {
  /** The key of these arguments, unique in the cache. */
  readonly key: (...args: Args) => string;
  readonly load: (context: LoaderContext<Value>, ...args: Args) => Promise<Value> | Value;
}

/** A kind of value that knows its key and its loader. */
export interface Defined<Args extends readonly unknown[], Value> {
  get(...args: Args): Promise<Value>;
  /** Loads although there is a fresh value. */
  refresh(...args: Args): Promise<Value>;
  delete(...args: Args): Promise<boolean>;
  expire(...args: Args): Promise<boolean>;
}

/**
 * Makes a cache. Without `redis` (or another `store`) it lives in this process alone; with `bus` the other workers of the machine hear of its
 * invalidations.
 * @throws ConfigError when options are wrong.
 */
export function createCache<Value = unknown>(options: CacheOptions<Value> = {}, runtime: Partial<Runtime> = {}): Cache<Value> {
  const { redis, store: given, bus, pressure, codec = valueCodec as Codec<Value>, ...plain } = options;
  const settings = parseOptions(cacheOptions, plain, 'createCache(options)');
  const { prefix, name, storeTimeout: timeoutMs, coherence } = settings;
  const store = redis ? createRedisKvStore({ target: redis, prefix: `${prefix}${name}:`, timeoutMs, coherence }, runtime) : given;
  return new Cache(new Engine({ settings, runtime: runtimeFrom(runtime), store, bus, codec, pressure }), '', [EVERYTHING]);
}

/**
 * Values in tiers: memory, a shared store, a loader. Reads never reject because the store is down; a loader's error and a
 * timeout do.
 */
export class Cache<Value = unknown> implements ValueStore<Value> {
  readonly #engine: Engine<Value>;
  readonly #prefix: string;
  /** Tags that stand for this namespace and those around it. */
  readonly #scopes: readonly string[];

  /** Use {@link createCache}, or {@link Cache.namespace}. */
  constructor(engine: Engine<Value>, prefix: string, scopes: readonly string[]) {
    this.#engine = engine;
    this.#prefix = prefix;
    this.#scopes = scopes;
  }

  /** Hits, misses, loads, invalidations and the store's state, of all namespaces. */
  get events(): Events<CacheEvents> {
    return this.#engine.events;
  }

  /**
   * The value of `key`: from memory, else the store, else `loader`. However many ask, in however many processes, one load
   * runs per key; a stale value within grace serves at once while it is replaced behind.
   */
  async getOrSet<T extends Value>(key: string, loader: Loader<T>, options: GetOrSetOptions<T> = {}): Promise<T> {
    const engine = this.#engine as unknown as Engine<T>;
    const name = this.#name(key);
    if (options.forceFresh) return this.#wait(this.#load(name, loader, undefined, options), options);
    const entry = options.schema ? undefined : engine.settled(name, engine.clock.now());
    if (entry) return engine.give(entry);
    let found = engine.look(name, engine.clock.now());
    if (typeof found === 'string') found = await engine.findInStore(name, found);
    if (typeof found === 'object' && options.schema && !(await engine.schemas.apply(found, options.schema))) {
      return this.getOrSet(key, loader, { ...options, forceFresh: true });
    }
    return this.#serve(name, found, loader, options);
  }

  /**
   * The values of `keys`, in order; those that must be loaded are loaded together. Each key has its own lease, so a key
   * that another process is loading is waited for, not loaded again.
   */
  getOrSetMany<T extends Value>(keys: readonly string[], loader: BatchLoader<T>, options: GetOrSetOptions<T> = {}): Promise<T[]> {
    const batch = new Batch(this.#engine.clock, loader);
    return Promise.all(keys.map((key) => this.getOrSet<T>(key, () => batch.request(key), options)));
  }

  /** The value of `key`, fresh or within grace; undefined when there is none. */
  async get<T extends Value = Value>(key: string): Promise<T | undefined> {
    const engine = this.#engine;
    const name = this.#name(key);
    let found = engine.look(name, engine.clock.now());
    if (typeof found === 'string') found = await engine.findInStore(name, found);
    return typeof found === 'string' || found.graceUntilMs <= engine.clock.now() ? undefined : (engine.give(found) as T);
  }

  /** The values of `keys`, in order. One round trip for all that memory does not have, however many ask in the same turn. */
  async getMany<T extends Value = Value>(keys: readonly string[]): Promise<(T | undefined)[]> {
    const engine = this.#engine;
    const found = await engine.findMany(keys.map((key) => this.#name(key)));
    const nowMs = engine.clock.now();
    return found.map((each) => (typeof each === 'string' || each.graceUntilMs <= nowMs ? undefined : (engine.give(each) as T)));
  }

  async entry(key: string): Promise<Entry<Value> | undefined> {
    const found = await this.#engine.find(this.#name(key));
    return typeof found === 'object' ? found : undefined;
  }

  peek(key: string, nowMs?: number): Entry<Value> | undefined {
    const engine = this.#engine;
    const found = engine.look(this.#name(key), nowMs ?? engine.clock.now());
    return typeof found === 'object' ? found : undefined;
  }

  async has(key: string): Promise<boolean> {
    return (await this.get(key)) !== undefined;
  }

  /** Stores `value`; undefined is no value and removes the key. */
  async set(key: string, value: Value, options: EntryOptions = {}): Promise<void> {
    if (value === undefined) return void (await this.delete(key));
    await this.#engine.put([{ key: this.#name(key), value }], options, this.#scopes);
  }

  /** Stores several values with the same options, in one round trip (one per slot on Redis Cluster). */
  async setMany(values: ReadonlyMap<string, Value> | Readonly<Record<string, Value>>, options: EntryOptions = {}): Promise<void> {
    const items = values instanceof Map ? [...values] : Object.entries(values as Record<string, Value>);
    const named = items.filter(([, value]) => value !== undefined).map(([key, value]) => ({ key: this.#name(key), value }));
    if (named.length > 0) await this.#engine.put(named, options, this.#scopes);
  }

  async delete(key: string): Promise<boolean> {
    return (await this.deleteMany([key])) > 0;
  }

  /** Resolves with how many there were. */
  async deleteMany(keys: readonly string[]): Promise<number> {
    if (keys.length === 0) return 0;
    const names = keys.map((key) => this.#name(key));
    const count = await this.#engine.coherence.delete(names);
    if (this.events.has('delete')) for (const name of names) this.events.emit('delete', { key: name });
    return count;
  }

  async expire(key: string): Promise<boolean> {
    const expired = await this.#engine.coherence.expire(this.#name(key));
    if (this.events.has('expire')) this.events.emit('expire', { key: this.#name(key) });
    return expired;
  }

  /**
   * Removes every key that matches a glob (`user:*`, `?`, `[ab]`, `\` escapes). Looks at every key there is: for what is
   * invalidated often, tags are the quick way.
   */
  async deletePattern(pattern: string): Promise<number> {
    const whole = this.#prefix.replaceAll(/[*?[\]\\]/g, '\\$&') + pattern;
    const count = await this.#engine.coherence.deletePattern(whole);
    this.events.emit('deletePattern', { pattern: whole });
    return count;
  }

  /** Tags are shared by all namespaces. The cost does not depend on the number of entries. */
  async invalidateTags(tags: readonly string[], { soft = false }: { readonly soft?: boolean } = {}): Promise<void> {
    const names = tags.map(tagName);
    await this.#engine.coherence.invalidateTags(names, soft);
    this.events.emit('invalidateTags', { tags, soft });
  }

  /** Empties the cache, or this namespace, at a cost that does not depend on the number of entries. */
  async clear(): Promise<void> {
    const scope = this.#scopes.at(-1)!;
    await this.#engine.coherence.invalidateTags([scope], false);
    this.events.emit('clear', { scope: this.#prefix });
  }

  async begin(key: string, options: { readonly tags?: readonly string[] } = {}): Promise<FillLease<Value> | FillWait> {
    const engine = this.#engine;
    const name = this.#name(key);
    let seenMs = engine.tiers.memory.look(name)?.storedMs ?? 0;
    for (;;) {
      const start = await engine.fills.begin(name, this.#tags(options.tags), seenMs);
      switch (start.role) {
        case 'leader':
          return this.#lease(start.fill);
        case 'follower':
          return start;
        case 'refused': {
          const failure = { error: start.error, retryAfterMs: start.leftMs };
          return { role: 'follower', done: Promise.resolve('abandoned'), failure };
        }
        case 'served': {
          // The store does not judge tags: what it holds may be worthless, and then must be replaced.
          const found = await engine.tiers.read(name);
          if (typeof found === 'object' && found.freshUntilMs > engine.clock.now()) {
            return { role: 'follower', done: Promise.resolve('committed') };
          }
          seenMs = start.value.storedMs;
        }
      }
    }
  }

  /**
   * `fn` with its results cached. Arguments make the key by `key`, by default their JSON.
   * @param name starts every key: unique among wrapped functions.
   */
  wrap<Args extends readonly unknown[], T extends Value>(
    name: string,
    fn: (...args: Args) => Promise<T> | T,
    options: GetOrSetOptions<T> & { readonly key?: (...args: Args) => string } = {},
  ): (...args: Args) => Promise<T> {
    const { key = (...args: Args) => JSON.stringify(args), ...load } = options;
    return (...args) => this.getOrSet<T>(`${name}:${key(...args)}`, () => fn(...args), load);
  }

  /** A kind of value with its key, its loader and its options in one place, typed throughout. */
  define<Args extends readonly unknown[], T extends Value>(definition: Definition<Args, T>): Defined<Args, T> {
    const { key, load, ...options } = definition;
    return {
      get: (...args) => this.getOrSet<T>(key(...args), (context) => load(context, ...args), options),
      refresh: (...args) => this.getOrSet<T>(key(...args), (context) => load(context, ...args), { ...options, forceFresh: true }),
      delete: (...args) => this.delete(key(...args)),
      expire: (...args) => this.expire(key(...args)),
    };
  }

  /** Loads `keys` ahead of their readers, a few at once; those that are fresh are left alone. Failures are counted. */
  warm<T extends Value>(
    keys: Iterable<string>,
    loader: (key: string, context: LoaderContext<T>) => Promise<T> | T,
    options: LoadOptions & WarmOptions = {},
  ): Promise<WarmProgress> {
    const { concurrency, onProgress, ...load } = options;
    const one = (key: string): Promise<T> => this.getOrSet<T>(key, (context) => loader(key, context), load);
    return warm(keys, one, {
      ...(concurrency && { concurrency }),
      ...(onProgress && { onProgress }),
      ...(load.signal && { signal: load.signal }),
    });
  }

  /** Why a read of `key` would come out as it would, now. Not a read: nothing is counted or moved. */
  async explain(key: string): Promise<Explanation> {
    return explain(this.#engine as Engine<unknown>, this.#name(key));
  }

  /** A view of this cache whose keys all start with `name:`, and which can be cleared by itself. */
  namespace<T extends Value = Value>(name: string): Cache<T> {
    const prefix = `${this.#prefix}${name}:`;
    const scope = `${EVERYTHING}${prefix}`;
    this.#engine.tags.pin(scope);
    return new Cache(this.#engine as unknown as Engine<T>, prefix, [...this.#scopes, scope]);
  }

  /**
   * Resolves with true once the shared store answers (at once where there is none), with false when it has not within
   * `limit`. Nothing needs to wait for it: before, the cache works in memory.
   */
  async ready(limit: Duration = '10s'): Promise<boolean> {
    return this.#engine.store?.ready(toMs(limit, 'limit')) ?? true;
  }

  stats(): CacheStatistics {
    const { statistics, tiers, tags, store } = this.#engine;
    return statistics.snapshot({ entries: tiers.memory.size, bytes: tiers.memory.bytes }, tags.size, store);
  }

  /** Stops timers, ends loads, forgets memory and lets go of the store. Closing a namespace closes its cache. */
  async close(): Promise<void> {
    await this.#engine.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #name(key: string): string {
    return this.#prefix === '' ? key : this.#prefix + key;
  }

  #tags(tags: readonly string[] = []): string[] {
    return [...this.#scopes, ...tags.map(tagName)];
  }

  #load<T extends Value>(name: string, loader: Loader<T>, stale: CachedEntry<T> | undefined, options: LoadOptions): Promise<T> {
    const { loads, settings } = this.#engine as unknown as Engine<T>;
    const load = loads.run(name, loader, stale, this.#loadSettings(name, loader, options));
    return settings.values === 'cloned' ? load.then((value) => structuredClone(value)) : load;
  }

  #loadSettings<T extends Value>(name: string, loader: Loader<T>, options: LoadOptions): LoadSettings {
    const { settings, loads } = this.#engine as unknown as Engine<T>;
    const load: LoadSettings = {
      entry: options,
      tags: this.#tags(options.tags),
      scopes: this.#scopes,
      forceFresh: options.forceFresh ?? false,
      hardTimeoutMs: options.hardTimeout === undefined ? settings.hardTimeout : toMs(options.hardTimeout, 'hardTimeout'),
      reload: settings.prefetch && (() => loads.run(name, loader, undefined, { ...load, forceFresh: true })),
    };
    return load;
  }

  /** Answers with what was found, and begins a load where that is not fresh or will soon not be. */
  #serve<T extends Value>(name: string, found: Found<T>, loader: Loader<T>, options: LoadOptions): Promise<T> | T {
    const engine = this.#engine as unknown as Engine<T>;
    const entry = typeof found === 'object' ? found : undefined;
    const nowMs = engine.clock.now();
    const isFresh = entry !== undefined && entry.freshUntilMs > nowMs;
    if (isFresh && !engine.early.isDue(entry, nowMs)) return engine.give(entry);
    const load = this.#load(name, loader, entry, options);
    if (!entry || entry.graceUntilMs <= nowMs) return this.#wait(load, options);
    return this.#preferFresh(load, entry, isFresh ? { timeout: 0 } : options);
  }

  /** The new value if it comes within the timeout, otherwise the stale one; the load goes on. */
  async #preferFresh<T extends Value>(load: Promise<T>, stale: CachedEntry<T>, options: LoadOptions): Promise<T> {
    const { clock, settings } = this.#engine;
    const engine = this.#engine as unknown as Engine<T>;
    const quiet = load.catch(() => engine.give(stale));
    const timeoutMs = options.timeout === undefined ? settings.timeout : toMs(options.timeout, 'timeout');
    if (timeoutMs === 0) return engine.give(stale);
    const expiry = Promise.withResolvers<T>();
    const timer = clock.setTimer(() => expiry.resolve(engine.give(stale)), timeoutMs);
    return Promise.race([quiet, expiry.promise]).finally(() => timer.cancel());
  }

  #wait<T>(load: Promise<T>, { signal }: LoadOptions): Promise<T> {
    if (!signal) return load;
    return new Promise((resolve, reject) => {
      const stop = (): void => reject(signal.reason as Error);
      if (signal.aborted) stop();
      signal.addEventListener('abort', stop, { once: true });
      load.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
    });
  }

  #lease(fill: Fill): FillLease<Value> {
    const engine = this.#engine;
    return {
      role: 'leader',
      signal: fill.lost,
      commit: async (value, options) => {
        if (fill.ended) return false;
        const loadMs = engine.clock.monotonic() - fill.mark.confirmedMs;
        return (await engine.keep(fill, value, options, this.#scopes, loadMs)) !== undefined;
      },
      abandon: (error) => engine.fills.abandon(fill, error),
    };
  }
}
