import { globTest, type Clock, type Events } from '../kernel/index.ts';
import type { Bus, StoreListener } from '../ports/index.ts';
import type { CachedEntry } from './cached-entry.ts';
import type { CacheEvents } from './events.ts';
import type { Fences } from './fences.ts';
import type { Fills } from './fills.ts';
import type { Proof } from './proof.ts';
import type { Statistics } from './statistics.ts';
import type { StoreGuard } from './store-guard.ts';
import type { TagTable } from './tags.ts';
import type { Tiers } from './tiers.ts';

export interface CoherenceDependencies {
  readonly clock: Clock;
  readonly tiers: Tiers<unknown>;
  readonly tags: TagTable;
  readonly fences: Fences;
  readonly proof: Proof;
  readonly fills: Fills;
  readonly store: StoreGuard | undefined;
  readonly bus: Bus | undefined;
  /** Channel of this cache on the bus. */
  readonly channel: string;
  readonly events: Events<CacheEvents>;
  readonly statistics: Statistics;
}

/** What workers without a shared store tell each other. */
type BusMessage =
  | { readonly op: 'value'; readonly keys: readonly string[] }
  | { readonly op: 'expire'; readonly key: string }
  | { readonly op: 'tags'; readonly tags: readonly string[]; readonly soft: boolean }
  | { readonly op: 'pattern'; readonly pattern: string };

/**
 * Invalidations, made here or heard of. Each one strikes the work under way that it overtakes, before anything else, and
 * again when the store has confirmed it: what began in between may have seen either state.
 */
export class Coherence implements StoreListener {
  readonly #with: CoherenceDependencies;
  readonly #unsubscribe: (() => void)[] = [];

  constructor(dependencies: CoherenceDependencies) {
    this.#with = dependencies;
    const { bus, store, channel } = dependencies;
    if (bus && !store) {
      this.#unsubscribe.push(
        bus.subscribe(channel, (message) => this.#hear(JSON.parse(message) as BusMessage)),
        bus.onGap(() => this.onGap()),
      );
    }
  }

  /** Whether there was something to delete, here or in the store. */
  async delete(keys: readonly string[]): Promise<number> {
    const { store } = this.#with;
    const here = this.#dropAll(keys);
    if (!store) {
      await this.#tell({ op: 'value', keys });
      return here;
    }
    const there = await store.remove(keys);
    this.#dropAll(keys);
    return Math.max(here, there);
  }

  async expire(key: string): Promise<boolean> {
    const { store } = this.#with;
    const here = this.#expireHere(key);
    if (!store) {
      await this.#tell({ op: 'expire', key });
      return here;
    }
    const there = await store.expire(key);
    return this.#expireHere(key) || there || here;
  }

  async invalidateTags(tags: readonly string[], soft: boolean): Promise<void> {
    const { store, tags: table } = this.#with;
    if (tags.length === 0) return;
    const announced = tags.map((tag) => table.invalidate(tag, soft));
    if (!store) return this.#tell({ op: 'tags', tags, soft });
    const versions = await store.bump(tags, soft);
    for (const [at, tag] of tags.entries()) table.accept(tag, versions?.[at], announced[at]!);
  }

  /** Resolves with how many values went from the store, or without one from memory. */
  async deletePattern(pattern: string): Promise<number> {
    const { store } = this.#with;
    const here = this.#dropMatching(pattern);
    if (!store) {
      await this.#tell({ op: 'pattern', pattern });
      return here;
    }
    const there = await store.removeMatching(pattern);
    this.#dropMatching(pattern);
    return there;
  }

  /** This process is about to store `key`, or has: other works on it are overtaken, and copies elsewhere are old. */
  overtake(key: string): void {
    this.#with.fences.strike(key);
  }

  async announce(keys: readonly string[]): Promise<void> {
    await this.#tell({ op: 'value', keys });
  }

  /** What this process stored itself is told of too, by some stores: then it is read again, to see that it is still there. */
  onValue(key: string): void {
    const { fences, tiers } = this.#with;
    fences.hint(key);
    const entry = tiers.memory.look(key);
    if (!entry) return;
    tiers.memory.delete(entry);
    if (entry.isOwn) tiers.reread(key);
  }

  onTag(tag: string): void {
    this.#with.tags.doubt(tag);
  }

  onPattern(pattern: string): void {
    this.#dropMatching(pattern);
  }

  onAbandoned(key: string): void {
    this.#with.fills.wake(key);
  }

  /**
   * Messages may have been missed. With a store to ask, nothing is forgotten: what memory has is proven by the versions it
   * was made under, when it is next read, or serves without while the store is away.
   */
  onGap(): void {
    const { store, proof, tiers } = this.#with;
    if (store && !proof.gap(tiers.memory.values(), !store.available)) return;
    if (store) this.#doubtEverything();
    else this.#forgetEverything();
  }

  /** The store answers again after a time in which messages may have been missed. */
  onReturn(): void {
    if (this.#with.proof.resume()) this.#doubtEverything();
  }

  #doubtEverything(): void {
    this.#countGap();
    this.#with.tags.doubtAll();
    this.#with.fills.onGap();
  }

  #forgetEverything(): void {
    const { tiers, tags, fences } = this.#with;
    this.#countGap();
    fences.strikeWhere(() => true);
    tags.forgetAll();
    tiers.memory.clear();
  }

  #countGap(): void {
    this.#with.statistics.gaps.inc();
    this.#with.events.emit('gap', {});
  }

  close(): void {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
  }

  #hear(message: BusMessage): void {
    switch (message.op) {
      case 'value':
        this.#dropAll(message.keys);
        break;
      case 'expire':
        this.#expireHere(message.key);
        break;
      case 'tags':
        for (const tag of message.tags) this.#with.tags.invalidate(tag, message.soft);
        break;
      case 'pattern':
        this.#dropMatching(message.pattern);
        break;
    }
  }

  async #tell(message: BusMessage): Promise<void> {
    if (!this.#with.store) await this.#with.bus?.publish(this.#with.channel, JSON.stringify(message));
  }

  #drop(key: string): boolean {
    this.#with.fences.strike(key);
    return this.#with.tiers.remove(key);
  }

  #dropAll(keys: readonly string[]): number {
    return keys.filter((key) => this.#drop(key)).length;
  }

  #expireHere(key: string): boolean {
    const { fences, tiers, clock } = this.#with;
    fences.strike(key);
    const entry = tiers.memory.look(key);
    entry?.expire(clock.now());
    return entry !== undefined;
  }

  #dropMatching(pattern: string): number {
    const { fences, tiers } = this.#with;
    const test = globTest(pattern);
    fences.strikeWhere(test);
    const matching: CachedEntry<unknown>[] = [...tiers.memory.values()].filter((entry) => test(entry.key));
    for (const entry of matching) tiers.memory.delete(entry);
    return matching.length;
  }
}
