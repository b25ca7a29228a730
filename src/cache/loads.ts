import { SpillwayError, type Clock, type Events } from '../kernel/index.ts';
import type { CachedEntry } from './cached-entry.ts';
import type { CacheEvents } from './events.ts';
import type { Fence, Fences } from './fences.ts';
import type { Fill, Fills } from './fills.ts';
import type { Proof } from './proof.ts';
import type { Statistics } from './statistics.ts';
import type { StoreGuard } from './store-guard.ts';
import type { TagTable } from './tags.ts';
import type { Found, Tiers } from './tiers.ts';
import type { EntryOptions } from './types.ts';

/** What a loader is told, and what it can say beside the value it returns. */
export interface LoaderContext<Value> {
  /** Aborts when nobody waits any more: the hard timeout passed, or the cache was closed. */
  readonly signal: AbortSignal;
  /** The value that would be replaced, when there is one. */
  readonly stale: Value | undefined;
  /** Times and tags of this value; they win over the call's. */
  setOptions(options: EntryOptions): void;
  /** Tags found while loading, beside those of the call. */
  setTags(tags: readonly string[]): void;
  /** Returns `value` to the callers without storing it. */
  skip(value?: Value): Value;
  /** Fails the load; like throwing, with a message. */
  fail(message: string): never;
  /** The stale value is still right: keeps it for another TTL. */
  notModified(): Value;
}

export type Loader<Value> = (context: LoaderContext<Value>) => Promise<Value> | Value;

/** Options of one load, resolved. */
export interface LoadSettings {
  readonly entry: EntryOptions;
  /** Tags known beforehand, with those of the namespaces. */
  readonly tags: readonly string[];
  readonly scopes: readonly string[];
  readonly forceFresh: boolean;
  /** Kept with the entry for prefetching. */
  readonly reload: (() => Promise<unknown>) | undefined;
  readonly hardTimeoutMs: number;
}

/** What a load came to. */
interface Outcome<Value> {
  readonly value: Value;
  /** An invalidation came while it was loaded: right for those who asked before, not for those who asked after. */
  readonly overtaken: boolean;
}

interface Load<Value> {
  readonly fence: Fence;
  readonly tagSequence: number;
  readonly tags: readonly string[];
  readonly outcome: Promise<Outcome<Value>>;
}

export interface LoadDependencies<Value> {
  readonly clock: Clock;
  readonly tiers: Tiers<Value>;
  readonly fills: Fills;
  readonly fences: Fences;
  readonly tags: TagTable;
  readonly store: StoreGuard | undefined;
  readonly proof: Proof;
  readonly events: Events<CacheEvents>;
  readonly statistics: Statistics;
  /** Aborts when the cache is closed. */
  readonly closed: AbortSignal;
  /** Stores what a fill found; undefined when an invalidation came between. */
  readonly keep: (
    fill: Fill,
    value: Value,
    options: EntryOptions,
    scopes: readonly string[],
    loadMs: number,
  ) => Promise<CachedEntry<Value> | undefined>;
}

/** Gets a value that memory does not have: from the store, from whoever is loading it, or from the loader. */
export class Loads<Value> {
  readonly #running = new Map<string, Load<Value>>();
  readonly #with: LoadDependencies<Value>;

  constructor(dependencies: LoadDependencies<Value>) {
    this.#with = dependencies;
  }

  get size(): number {
    return this.#running.size;
  }

  /** The value, by the load that runs or a new one. A load that an invalidation overtook is not shared with later callers. */
  async run(key: string, loader: Loader<Value>, stale: CachedEntry<Value> | undefined, settings: LoadSettings): Promise<Value> {
    for (;;) {
      const sequence = this.#with.tags.sequence;
      const load = this.#joinable(key) ?? this.#start(key, loader, stale, settings);
      const { value, overtaken } = await load.outcome;
      if (!overtaken || sequence === load.tagSequence) return value;
    }
  }

  #joinable(key: string): Load<Value> | undefined {
    const load = this.#running.get(key);
    if (!load || load.fence.struck) return undefined;
    return this.#with.tags.doubtedSince(load.tags, load.tagSequence) ? undefined : load;
  }

  #start(key: string, loader: Loader<Value>, stale: CachedEntry<Value> | undefined, settings: LoadSettings): Load<Value> {
    const { fences, tags } = this.#with;
    const fence = fences.open(key);
    const outcome = this.#obtain(key, loader, stale, settings, fence).finally(() => {
      fences.close(fence);
      if (this.#running.get(key) === load) this.#running.delete(key);
    });
    const load: Load<Value> = { fence, tagSequence: tags.sequence, tags: settings.tags, outcome };
    this.#running.set(key, load);
    return load;
  }

  async #obtain(
    key: string,
    loader: Loader<Value>,
    stale: CachedEntry<Value> | undefined,
    settings: LoadSettings,
    fence: Fence,
  ): Promise<Outcome<Value>> {
    const { fills, tiers, clock, proof } = this.#with;
    let best = stale;
    let seenMs = settings.forceFresh ? Infinity : (stale?.storedMs ?? 0);
    for (;;) {
      const mark = proof.mark();
      const start = await fills.begin(key, settings.tags, seenMs);
      if (start.role === 'leader') return this.#load(start.fill, loader, best, settings);
      if (start.role === 'refused') return this.#fallBack(key, start.error, best, fence);
      let found: Found<Value> | undefined;
      if (start.role === 'served') {
        // Its tags may lie on another server than the value, and that one may be away.
        found = await tiers.adopt(key, start.value, fence, mark).catch(() => undefined);
        seenMs = start.value.storedMs;
      } else {
        await start.done;
        found = await this.#find(key);
      }
      if (typeof found !== 'object' || found.storedMs <= (best?.storedMs ?? 0)) continue;
      if (found.freshUntilMs > clock.now()) return { value: found.value, overtaken: fence.struck };
      best = found;
      seenMs = found.storedMs;
    }
  }

  async #find(key: string): Promise<Found<Value> | undefined> {
    const found = this.#with.tiers.look(key, this.#with.clock.now());
    if (typeof found === 'object' || !this.#with.store) return found;
    return this.#with.tiers.read(key);
  }

  /** Runs the loader under `fill` and stores what it returns. */
  async #load(
    fill: Fill,
    loader: Loader<Value>,
    stale: CachedEntry<Value> | undefined,
    settings: LoadSettings,
  ): Promise<Outcome<Value>> {
    const { clock, fills, statistics, events, keep } = this.#with;
    const call = new LoaderCall(loader, stale, settings.entry);
    const startedMs = clock.monotonic();
    let value: Value;
    try {
      value = await this.#withDeadline(fill.key, settings.hardTimeoutMs, (signal) => call.run(signal));
    } catch (error) {
      await fills.abandon(fill, error);
      statistics.failures.inc();
      return this.#fallBack(fill.key, error, stale, fill.fence);
    }
    const loadMs = clock.monotonic() - startedMs;
    statistics.loaded(fill.key, loadMs);
    if (call.skipped || value === undefined) {
      await fills.abandon(fill);
      return { value, overtaken: fill.fence.struck };
    }
    const entry = await keep(fill, value, call.options, settings.scopes, loadMs);
    if (entry) entry.reload = settings.reload;
    if (entry && events.has('load')) events.emit('load', { key: fill.key, loadMs });
    return { value: entry ? entry.value : value, overtaken: entry === undefined };
  }

  /** A load failed: the stale value, when it may still serve and was not invalidated; otherwise the error. */
  #fallBack(key: string, error: unknown, stale: CachedEntry<Value> | undefined, fence: Fence): Outcome<Value> {
    const { clock, events, statistics, tiers } = this.#with;
    const usable = stale && !fence.struck ? tiers.stillUsable(stale, clock.now()) : undefined;
    const served = usable !== undefined;
    if (events.has('loadFailed')) events.emit('loadFailed', { key, error, served });
    if (!served) throw error;
    statistics.staleHits.inc();
    return { value: usable.value, overtaken: false };
  }

  async #withDeadline(key: string, limitMs: number, work: (signal: AbortSignal) => Promise<Value>): Promise<Value> {
    const { clock, closed } = this.#with;
    const controller = new AbortController();
    const stop = (): void => controller.abort(closed.reason);
    closed.addEventListener('abort', stop, { once: true });
    let onAbort: (() => void) | undefined;
    const aborted = new Promise<never>((_, reject) => {
      onAbort = () => reject(controller.signal.reason);
      controller.signal.addEventListener('abort', onAbort, { once: true });
    });
    const error = (): SpillwayError =>
      new SpillwayError('SPILLWAY_TIMEOUT', `Loading '${key}' took longer than its hardTimeout of ${limitMs} ms.`);
    const timer = limitMs === 0 ? undefined : clock.setTimer(() => controller.abort(error()), limitMs);
    try {
      return await Promise.race([work(controller.signal), aborted]);
    } finally {
      timer?.cancel();
      closed.removeEventListener('abort', stop);
      controller.signal.removeEventListener('abort', onAbort!);
    }
  }
}

/** One run of a loader, with what it said through its context. */
class LoaderCall<Value> {
  readonly #loader: Loader<Value>;
  readonly #stale: CachedEntry<Value> | undefined;
  options: EntryOptions;
  skipped = false;

  constructor(loader: Loader<Value>, stale: CachedEntry<Value> | undefined, options: EntryOptions) {
    this.#loader = loader;
    this.#stale = stale;
    this.options = options;
  }

  async run(signal: AbortSignal): Promise<Value> {
    return this.#loader({
      signal,
      stale: this.#stale?.value,
      setOptions: (options) => {
        this.options = { ...this.options, ...options, tags: [...(this.options.tags ?? []), ...(options.tags ?? [])] };
      },
      setTags: (tags) => {
        this.options = { ...this.options, tags: [...(this.options.tags ?? []), ...tags] };
      },
      skip: (value) => {
        this.skipped = true;
        return value as Value;
      },
      fail: (message) => {
        throw new SpillwayError('SPILLWAY_CACHE_LOAD_FAILED', message);
      },
      notModified: () => {
        if (!this.#stale)
          throw new SpillwayError('SPILLWAY_CACHE_LOAD_FAILED', 'notModified() was called, but there is no stale value.');
        return this.#stale.value;
      },
    });
  }
}
