import { randomUUID } from 'node:crypto';
import {
  ConfigError,
  Events,
  SpillwayError,
  type Clock,
  type Gauge,
  type Random,
  type Runtime,
  type Timer,
} from '../kernel/index.ts';
import type { Bus, KvStore, StoreWatch, StoreWrite } from '../ports/index.ts';
import { Audit } from './audit.ts';
import type { CachedEntry, EntryParts, EntryTimes } from './cached-entry.ts';
import { Coherence } from './coherence.ts';
import { toMs } from './durations.ts';
import type { CacheEvents, MissReason, Tier } from './events.ts';
import { publishDiagnostics } from './diagnostics.ts';
import { EarlyRefresh } from './early-refresh.ts';
import { FailureMemory } from './failures.ts';
import { Fences, type Fence } from './fences.ts';
import { Fills, type Fill } from './fills.ts';
import { FrameFormat } from './frame.ts';
import { Loads } from './loads.ts';
import type { CacheSettings } from './options.ts';
import { Proof, type ProofMark } from './proof.ts';
import { Statistics } from './statistics.ts';
import { heapPressure } from './pressure.ts';
import { SchemaChecks } from './schema.ts';
import { StoreGuard } from './store-guard.ts';
import type { Answers, KeyRead } from './store-reads.ts';
import { EVERYTHING, tagName } from './tag-names.ts';
import { TagTable } from './tags.ts';
import { Tiers, type Found } from './tiers.ts';
import { Ticks } from './ticks.ts';
import { TtlRules, type RuleTimes } from './ttl-rules.ts';
import type { Codec, EntryOptions } from './types.ts';

export interface EngineParts<Value> {
  readonly settings: CacheSettings;
  readonly runtime: Runtime;
  readonly codec: Codec<Value>;
  readonly store: KvStore | undefined;
  readonly bus: Bus | undefined;
  readonly pressure: (() => number) | undefined;
}

/** The mechanisms of one cache, put together once. {@link Cache} and its namespaces are views of it. */
export class Engine<Value> {
  readonly settings: CacheSettings;
  readonly clock: Clock;
  readonly random: Random;
  readonly events = new Events<CacheEvents>();
  readonly statistics: Statistics;
  readonly store: StoreGuard | undefined;
  readonly early: EarlyRefresh;
  readonly schemas = new SchemaChecks();
  readonly tags: TagTable;
  readonly fences = new Fences();
  readonly proof: Proof;
  readonly tiers: Tiers<Value>;
  readonly fills: Fills;
  readonly loads: Loads<Value>;
  readonly coherence: Coherence;
  readonly #frames: FrameFormat<Value>;
  readonly #watch: StoreWatch | undefined;
  readonly #timers: Timer[] = [];
  readonly #rules: TtlRules;
  readonly #askPressure: () => number;
  readonly #closed = new AbortController();

  constructor({ settings, runtime, codec, store, bus, pressure }: EngineParts<Value>) {
    this.#rules = new TtlRules(settings.rules);
    this.#askPressure = pressure ?? (() => 0);
    this.early = new EarlyRefresh(runtime.random, settings.earlyRefresh);
    this.settings = settings;
    this.clock = runtime.clock;
    this.random = runtime.random;
    this.statistics = new Statistics(runtime.metrics, settings.name, this.#rules);
    this.proof = new Proof(this.clock, settings.maxStaleness);
    this.store = store && this.#guard(store);
    this.tags = new TagTable(settings.maxTags, this.store && ((tags) => this.store!.versions(tags)));
    this.tags.pin(EVERYTHING);
    this.#frames = new FrameFormat(codec, settings.compressAbove);
    this.tiers = new Tiers({
      ...this.#shared(),
      codec,
      frames: this.#frames,
      eviction: settings.memory.eviction,
      maxEntries: settings.memory.maxEntries,
      maxBytes: settings.memory.maxBytes,
      freezes: settings.values === 'frozen',
      ticks: new Ticks(this.clock.now()),
      early: this.early,
      memoryTtlMs: (key) => this.#rules.of(key)?.memoryTtl ?? settings.memoryTtl ?? Infinity,
    });
    const { backoff: baseMs, maxBackoff: maxMs, maxKeys } = settings.failures;
    const failures = new FailureMemory(this.clock, this.random, { baseMs, maxMs, maxKeys });
    const process = randomUUID().slice(0, 13);
    let tokens = 0;
    const newToken = (): string => `${process}.${++tokens}`;
    this.fills = new Fills({ ...this.#shared(), failures, leaseMs: settings.lease, newToken });
    this.tags.onChange = () => this.fills.review();
    this.loads = new Loads({
      ...this.#shared(),
      tiers: this.tiers,
      fills: this.fills,
      closed: this.#closed.signal,
      keep: (fill, value, options, scopes, loadMs) => this.keep(fill, value, options, scopes, loadMs),
    });
    this.coherence = new Coherence({
      ...this.#shared(),
      tiers: this.tiers as Tiers<unknown>,
      fills: this.fills,
      bus,
      channel: `cache:${settings.name}`,
    });
    this.#watch = this.store?.watch(this.coherence, settings.maxStaleness);
    this.proof.watch = this.#watch;
    const { sweepEvery, shrinkAbove } = settings.memory;
    this.#timers.push(this.clock.setRepeating(() => this.tiers.sweep(heapPressure() > shrinkAbove), sweepEvery));
    if (this.store) this.#timers.push(this.#auditing(this.store, sweepEvery));
    const { prefetch } = settings;
    if (prefetch) this.#timers.push(this.clock.setRepeating(() => void this.#prefetch(prefetch), prefetch.every));
    if (settings.diagnostics) publishDiagnostics(this.events, settings.name);
    this.#reportSizes(runtime);
  }

  /** The usable entry of `name`: from memory, else from the store. A store that does not answer counts as a miss. */
  async find(name: string): Promise<Found<Value>> {
    const found = this.look(name, this.clock.now());
    return typeof found === 'object' ? found : this.findInStore(name, found);
  }

  /** {@link find} for several: what memory does not have is one question to the store. */
  async findMany(names: readonly string[]): Promise<Found<Value>[]> {
    const startMs = this.clock.now();
    const found: Found<Value>[] = [];
    const asked: (KeyRead<Found<Value>> & { readonly place: number })[] = [];
    for (let place = 0; place < names.length; place++) {
      const name = names[place]!;
      const here = this.look(name, startMs);
      found.push(here);
      if (typeof here === 'object') continue;
      if (!this.store) this.#miss(name, here);
      else {
        const { done, at } = this.tiers.ask(name);
        asked.push({ done, at, place });
      }
    }
    let answers: { readonly of: Promise<Answers<Found<Value>>>; readonly all: Answers<Found<Value>> } | undefined;
    let nowMs = startMs;
    for (const { done, at, place } of asked) {
      if (answers?.of !== done) {
        answers = { of: done, all: await done };
        nowMs = this.clock.now();
      }
      found[place] = this.#judge(names[place]!, answers.all[at], nowMs);
    }
    return found;
  }

  /** Memory's part of {@link find}. */
  look(name: string, nowMs: number): Found<Value> {
    const entry = this.settled(name, nowMs);
    if (entry) return entry;
    const found = this.tiers.look(name, nowMs);
    if (typeof found === 'object') this.#hit(found, 'memory', nowMs);
    return found;
  }

  /** The quickest part of {@link look}: a value to be served as it is, with nothing more to do. */
  settled(name: string, nowMs: number): CachedEntry<Value> | undefined {
    const entry = this.tiers.settled(name, nowMs);
    if (entry === undefined) return undefined;
    this.statistics.hit(name, 'memory');
    if (this.events.has('hit')) this.events.emit('hit', { key: name, tier: 'memory', stale: false });
    return entry;
  }

  /** The rest of {@link find}, once memory came back with a reason. */
  async findInStore(name: string, reason: MissReason): Promise<Found<Value>> {
    if (!this.store) {
      this.#miss(name, reason);
      return reason;
    }
    const { done, at } = this.tiers.ask(name);
    const answers = await done;
    return this.#judge(name, answers[at], this.clock.now());
  }

  /** Counts what came of asking the store; where it did not answer, memory's last word serves. */
  #judge(name: string, answer: Found<Value> | undefined, nowMs: number): Found<Value> {
    const found = answer ?? this.tiers.lookApart(name, nowMs);
    if (typeof found === 'object') this.#hit(found, answer ? 'store' : 'memory', nowMs);
    else this.#miss(name, found);
    return found;
  }

  /** The value as callers get it. */
  give(entry: CachedEntry<Value>): Value {
    return this.settings.values === 'cloned' ? structuredClone(entry.value) : entry.value;
  }

  #hit(entry: CachedEntry<Value>, tier: Tier, nowMs: number): void {
    const stale = entry.freshUntilMs <= nowMs;
    this.statistics.hit(entry.key, tier);
    if (stale) this.statistics.staleHits.inc();
    if (this.events.has('hit')) this.events.emit('hit', { key: entry.key, tier, stale });
  }

  #miss(name: string, reason: MissReason): void {
    this.statistics.miss(name, reason);
    if (this.events.has('miss')) this.events.emit('miss', { key: name, reason });
  }

  /** Stores what a fill found; undefined, and nothing stored, when an invalidation came between. */
  async keep(
    fill: Fill,
    value: Value,
    options: EntryOptions,
    scopes: readonly string[],
    loadMs: number,
  ): Promise<CachedEntry<Value> | undefined> {
    const names = this.#tagNames(options, scopes);
    let entry: CachedEntry<Value> | undefined;
    try {
      const stamp = await this.fills.finalStamp(fill, names).catch(() => undefined);
      if (stamp) {
        const tags = options.tags ?? [];
        const made = this.#entry({ key: fill.key, value, options, tags, stamp, loadMs, madeMs: fill.startedMs, mark: fill.mark });
        const stored = await this.#commit(fill, made);
        // Where the store has decided, what was heard of the key and the tags meanwhile does not count.
        if (!fill.fence.struck && (stored ?? this.tags.lastVerdict(stamp) === 'valid')) entry = made;
      }
    } finally {
      this.fills.finish(fill, entry !== undefined);
    }
    if (entry) this.#remember(entry, fill.echoed);
    else {
      this.statistics.overtaken.inc();
      this.events.emit('overtaken', { key: fill.key });
    }
    return entry;
  }

  /** Puts a value into memory that was just stored; `echoed`: the store told of a change of its key, perhaps of this one. */
  #remember(entry: CachedEntry<Value>, echoed: boolean): void {
    const { memory } = this.tiers;
    entry.isOwn = entry.shared && !echoed;
    // A fill that a gap cut off from its successor may end after it.
    const isLate = (memory.look(entry.key)?.confirmedMs ?? -Infinity) > entry.confirmedMs;
    if (!echoed && !isLate) memory.set(entry);
    if (echoed && entry.shared) this.tiers.reread(entry.key);
  }

  /** Stores values unconditionally; what is being loaded for their keys is overtaken. */
  async put(
    items: readonly { readonly key: string; readonly value: Value }[],
    options: EntryOptions,
    scopes: readonly string[],
  ): Promise<void> {
    const keys = items.map((item) => item.key);
    for (const key of keys) this.fences.strike(key);
    const fences = keys.map((key) => this.#openForWrite(key));
    try {
      const madeMs = this.clock.now();
      const mark = this.proof.mark();
      const names = this.#tagNames(options, scopes);
      const stamp = this.tags.stampNow(names) ?? (await this.tags.stamp(names).catch(() => this.tags.stampApart(names)));
      const entries = items.map((item) =>
        this.#entry({ ...item, options, tags: options.tags ?? [], stamp, loadMs: 0, madeMs, mark }),
      );
      const stored = (await this.store?.put(entries.map((entry) => this.#write(entry)))) ?? false;
      for (const entry of entries) entry.shared = stored;
      for (const [at, entry] of entries.entries()) this.#place(entry, fences[at]!);
    } finally {
      for (const fence of fences) this.fences.close(fence);
    }
    await this.coherence.announce(keys);
  }

  #guard(store: KvStore): StoreGuard {
    const { failures, probeEvery: probeMs, maxOwed } = this.settings.storeFailures;
    const onFailure = (): void => this.statistics.storeErrors.inc();
    return new StoreGuard(store, this.clock, { failures, probeMs, maxOwed, onFailure }, (available, error) => {
      // Versions made up while the store was away are no longer needed, and must not outlive it.
      if (available) {
        this.tags.forgetApart();
        this.coherence.onReturn();
      }
      this.events.emit('store', available ? { available } : { available, error });
    });
  }

  #auditing(store: StoreGuard, everyMs: number): Timer {
    const { clock, random, statistics, settings } = this;
    const tiers = this.tiers as Tiers<unknown>;
    const audit = new Audit({
      clock,
      random,
      tiers,
      proof: this.proof,
      store,
      maxStalenessMs: settings.maxStaleness,
      violations: statistics.violations,
    });
    return clock.setRepeating(() => void audit.run(), everyMs);
  }

  #shared() {
    const { clock, tags, fences, proof, events, statistics, store } = this;
    return { clock, tags, fences, proof, events, statistics, store };
  }

  #tagNames(options: EntryOptions, scopes: readonly string[]): string[] {
    const tags = [...new Set([...scopes, ...(options.tags ?? []).map(tagName)])];
    const most = this.settings.maxTagsPerEntry + scopes.length;
    if (tags.length <= most) return tags;
    const message = `an entry has ${tags.length - scopes.length} tags; at most ${this.settings.maxTagsPerEntry} are allowed`;
    throw new ConfigError('cache', [{ path: 'tags', message, fix: 'raise maxTagsPerEntry, or use fewer tags' }]);
  }

  #entry(made: MadeValue<Value>): CachedEntry<Value> {
    const rule = this.#rules.of(made.key);
    const times = this.#times(made.madeMs, made.options, rule);
    const { memoryTtl } = made.options;
    const memoryTtlMs = memoryTtl === undefined ? undefined : toMs(memoryTtl, 'memoryTtl');
    const keptForMs = memoryTtlMs ?? rule?.memoryTtl ?? this.settings.memoryTtl ?? Infinity;
    const memoryUntilMs = Math.min(times.usableUntilMs, this.clock.now() + keptForMs);
    const value = this.settings.values === 'cloned' ? structuredClone(made.value) : made.value;
    return this.tiers.entryOf({ ...made, ...made.mark, value, times, memoryUntilMs, memoryTtlMs });
  }

  /**
   * Call before rule before default. Age counts from `madeMs`, the start of the load; the TTL from now, so that a slow
   * load does not use it up.
   */
  #times(madeMs: number, options: EntryOptions, rule: RuleTimes | undefined): EntryTimes {
    const { settings } = this;
    const ms = (name: 'ttl' | 'grace' | 'staleIfError'): number => {
      const given = options[name];
      return given === undefined ? (rule?.[name] ?? settings[name]) : toMs(given, name);
    };
    const stretch = settings.maxStretch > 1 ? 1 + (settings.maxStretch - 1) * this.pressure : 1;
    const freshUntilMs = this.clock.now() + ms('ttl') * stretch;
    const graceUntilMs = freshUntilMs + ms('grace');
    const usableUntilMs = Math.max(graceUntilMs, freshUntilMs + ms('staleIfError'));
    return { storedMs: madeMs, freshUntilMs, graceUntilMs, usableUntilMs };
  }

  /** How hard pressed the service is, 0 to 1. */
  get pressure(): number {
    return Math.min(1, Math.max(0, this.#askPressure()));
  }

  /** In quiet moments, popular values are loaded before they expire. */
  async #prefetch({ every, atMost }: { readonly every: number; readonly atMost: number }): Promise<void> {
    for (const entry of this.tiers.expiringSoon(this.clock.now() + 2 * every, atMost)) {
      if (this.loads.size > 0 || this.pressure >= 0.5) return;
      await entry.reload!().catch(() => {});
    }
  }

  /** Whether the store took the value; undefined when it was not asked, or has gone away during the load. */
  async #commit(fill: Fill, entry: CachedEntry<Value>): Promise<boolean | undefined> {
    if (fill.token === undefined) return undefined;
    fill.committing = true;
    const stored = await this.store!.commit(fill.token, this.#write(entry)).catch(() => undefined);
    entry.shared = stored === true;
    return stored;
  }

  #write(entry: CachedEntry<Value>): StoreWrite {
    const { value, stamp, loadMs, memoryTtlMs, storedMs, freshUntilMs, graceUntilMs, usableUntilMs } = entry;
    const times = { storedMs, freshUntilMs, graceUntilMs, usableUntilMs };
    const framed = {
      value,
      tags: stamp.records.map((record) => record.name),
      versions: stamp.versions,
      times,
      loadMs,
      memoryTtlMs,
    };
    return { key: entry.key, value: this.#frames.encode(framed), keepMs: Math.max(1, usableUntilMs - this.clock.now()) };
  }

  /** A fence for a value that is being put: told of the key by the store, it will be read again. */
  #openForWrite(key: string): WriteFence {
    const fence: WriteFence = this.fences.open(key);
    fence.onHint = () => (fence.echoed = true);
    return fence;
  }

  #place(entry: CachedEntry<Value>, { struck, echoed = false }: WriteFence): void {
    this.fences.strike(entry.key);
    if (struck) this.tiers.remove(entry.key);
    else this.#remember(entry, echoed);
    if (this.events.has('set')) this.events.emit('set', { key: entry.key });
  }

  #reportSizes({ metrics }: Runtime): void {
    const gauge = (name: string, help: string): Gauge =>
      metrics.gauge({ name: `spillway_cache_${name}`, help, labels: ['cache'] }).series({ cache: this.settings.name });
    const entries = gauge('entries', 'Entries in memory.');
    const bytes = gauge('bytes', 'Bytes of the values in memory, roughly.');
    const owed = gauge('owed', 'Invalidations that the shared store has still to hear of.');
    const tags = gauge('tags', 'Tags whose version this process knows.');
    metrics.onCollect(() => {
      entries.set(this.tiers.memory.size);
      bytes.set(this.tiers.memory.bytes);
      tags.set(this.tags.size);
      owed.set(this.store?.owed ?? 0);
    });
  }

  async close(): Promise<void> {
    if (this.#closed.signal.aborted) return;
    this.#closed.abort(new SpillwayError('SPILLWAY_CLOSED', 'The cache was closed.'));
    for (const timer of this.#timers) timer.cancel();
    this.coherence.close();
    this.tiers.memory.clear();
    await this.#watch?.close();
    await this.store?.close();
  }

  get closed(): boolean {
    return this.#closed.signal.aborted;
  }
}

interface WriteFence extends Fence {
  echoed?: boolean;
}

interface MadeValue<Value> extends Omit<EntryParts<Value>, 'times' | 'memoryUntilMs' | 'memoryTtlMs' | keyof ProofMark> {
  readonly mark: ProofMark;
  readonly options: EntryOptions;
  readonly madeMs: number;
}
