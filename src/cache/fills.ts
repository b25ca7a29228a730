import { messageOf, type Clock, type Timer } from '../kernel/index.ts';
import type { FillFailure, StoredValue } from '../ports/index.ts';
import type { FailureMemory } from './failures.ts';
import type { Fence, Fences } from './fences.ts';
import type { StoreGuard } from './store-guard.ts';
import type { TagStamp, TagTable } from './tags.ts';

/** How a fill ended, for those who waited for it. */
export type FillEnd = 'committed' | 'abandoned';

/** What {@link Fills.begin} gives. */
export type FillStart =
  | { readonly role: 'leader'; readonly fill: Fill }
  | { readonly role: 'follower'; readonly done: Promise<FillEnd> }
  /** The store holds a newer value than the caller has seen. */
  | { readonly role: 'served'; readonly value: StoredValue }
  | { readonly role: 'refused'; readonly failure: FillFailure; readonly error: unknown; readonly leftMs: number };

export interface FillDependencies {
  readonly clock: Clock;
  readonly tags: TagTable;
  readonly fences: Fences;
  readonly failures: FailureMemory;
  readonly store: StoreGuard | undefined;
  readonly leaseMs: number;
  /** A token no other fill of the fleet has. */
  readonly newToken: () => string;
}

/** The right to fill one key, in this process and, with a store, in the fleet. */
export class Fill {
  readonly key: string;
  readonly fence: Fence;
  readonly done: Promise<FillEnd>;
  /** Count of tag invalidations when the fill began. */
  readonly tagSequence: number;
  /** Monotonic and wall-clock start: what is loaded is at least as new. */
  readonly startedMonotonicMs: number;
  readonly startedMs: number;
  readonly #lost = new AbortController();
  /** Versions of the tags known beforehand; undefined until they are. */
  stamp: TagStamp | undefined;
  /** The store's lease; undefined: this process only. */
  token: string | undefined;
  /** Another process holds the store's lease: this one waits for it to end. */
  waits = false;
  /** The holder has given up; perhaps before this one knew that there was a holder. */
  woken = false;
  /** Renews the lease, or ends the wait for it. */
  timer: Timer | undefined;
  #settle!: (end: FillEnd) => void;
  ended = false;

  constructor(key: string, fence: Fence, clock: Clock, tagSequence: number) {
    this.key = key;
    this.fence = fence;
    this.tagSequence = tagSequence;
    this.startedMonotonicMs = clock.monotonic();
    this.startedMs = clock.now();
    this.done = new Promise((resolve) => (this.#settle = resolve));
  }

  /** Aborts when the right is lost: the key was invalidated, or the store's lease went to another. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  lose(why: string): void {
    this.fence.struck = true;
    this.#lost.abort(new Error(why));
  }

  settle(end: FillEnd): void {
    this.ended = true;
    this.#settle(end);
  }
}

/**
 * Gives out the right to fill a key, once per process and, where a store is shared, once per fleet. The versions of key
 * and tags are fixed before the holder begins to load, so whatever is invalidated while it loads is not stored.
 */
export class Fills {
  readonly #running = new Map<string, Fill>();
  readonly #with: FillDependencies;

  constructor(dependencies: FillDependencies) {
    this.#with = dependencies;
  }

  /** How many keys are being filled, or waited for, by this process. */
  get size(): number {
    return this.#running.size;
  }

  /** Whether this process fills the key, or waits for another that does. */
  has(key: string): boolean {
    return this.#running.has(key);
  }

  /** The failure for which the key rests. */
  resting(key: string): { readonly error: unknown; readonly forMs: number } | undefined {
    const failure = this.#with.failures.current(key);
    return failure && { error: failure.error, forMs: failure.untilMs - this.#with.clock.monotonic() };
  }

  /** @param seenMs `storedMs` of the value the caller wants replaced; 0 for none. */
  async begin(key: string, tags: readonly string[], seenMs: number): Promise<FillStart> {
    const running = this.#running.get(key);
    if (running && !this.#isOvertaken(running)) return { role: 'follower', done: running.done };
    const remembered = this.#with.failures.current(key);
    if (remembered) {
      const leftMs = remembered.untilMs - this.#with.clock.monotonic();
      return { role: 'refused', failure: remembered, error: remembered.error, leftMs };
    }
    const fill = this.#open(key);
    const start = await this.#claim(fill, tags, seenMs);
    if (start.role !== 'leader' || !this.#isOvertaken(fill)) return start;
    // Invalidated before the load has even begun: with new versions it need not be in vain.
    this.finish(fill, false);
    return this.begin(key, tags, seenMs);
  }

  /** The stamp for the value: what was known beforehand, and `tags` as far as they are new. Undefined: overtaken. */
  async finalStamp(fill: Fill, tags: readonly string[]): Promise<TagStamp | undefined> {
    const { tags: table } = this.#with;
    const known = fill.stamp!;
    const late = tags.filter((tag) => !known.records.some((record) => record.name === tag));
    let stamp = known;
    if (late.length > 0) {
      const lateStamp = await table.stamp(late);
      // Their versions were not fixed beforehand; that nobody changed them since has to be seen from the messages.
      if (table.invalidatedSince(late, fill.tagSequence)) return undefined;
      stamp = { records: [...known.records, ...lateStamp.records], versions: [...known.versions, ...lateStamp.versions] };
    }
    return this.isValid(fill, stamp) ? stamp : undefined;
  }

  isValid(fill: Fill, stamp: TagStamp): boolean {
    if (fill.fence.struck) return false;
    const { tags } = this.#with;
    const verdict = tags.verdict(stamp);
    if (verdict !== 'unknown') return verdict === 'valid';
    const names = stamp.records.map((record) => record.name);
    return !tags.invalidatedSince(names, fill.tagSequence);
  }

  /** The holder elsewhere has given up. */
  wake(key: string): void {
    const fill = this.#running.get(key);
    if (!fill) return;
    fill.woken = true;
    if (fill.waits) this.#end(fill, 'abandoned');
  }

  /** Ends a fill whose value was stored, or not (`stored` false: an invalidation came between). */
  finish(fill: Fill, stored: boolean): void {
    if (stored) this.#with.failures.forget(fill.key);
    else void this.#giveBack(fill);
    this.#end(fill, stored ? 'committed' : 'abandoned');
  }

  /** Gives the right back; with `error` the failure is remembered, here and in the store. */
  async abandon(fill: Fill, error?: unknown): Promise<void> {
    if (fill.ended) return;
    const { failures } = this.#with;
    const remembered = error === undefined ? undefined : failures.record(fill.key, error, messageOf(error));
    const failure = remembered && { attempts: remembered.failure.attempts, message: remembered.failure.message };
    const told = this.#giveBack(fill, failure, remembered?.pauseMs);
    this.#end(fill, 'abandoned');
    await told;
  }

  /** Tags were invalidated: fills they overtake are of no use any more, and must not keep others from beginning anew. */
  dropOvertaken(): void {
    for (const fill of this.#running.values())
      if (!fill.waits && this.#isOvertaken(fill)) this.#overtake(fill, 'one of its tags was invalidated');
  }

  /** Whether someone who arrives now must not be given what `fill` will find. */
  #isOvertaken(fill: Fill): boolean {
    return fill.fence.struck || (fill.stamp !== undefined && !this.isValid(fill, fill.stamp));
  }

  #open(key: string): Fill {
    const { clock, fences, tags } = this.#with;
    const fill = new Fill(key, fences.open(key), clock, tags.sequence);
    fill.fence.onStrike = () => this.#overtake(fill, 'it was invalidated');
    this.#running.set(key, fill);
    return fill;
  }

  #overtake(fill: Fill, why: string): void {
    fill.lose(`'${fill.key}' is filled in vain: ${why}`);
    if (this.#running.get(fill.key) === fill) this.#running.delete(fill.key);
    void this.#giveBack(fill);
  }

  /** Ends the store's lease. Should the store not hear of it, the lease runs out by itself. */
  async #giveBack(fill: Fill, failure?: FillFailure, keepMs?: number): Promise<void> {
    const { token } = fill;
    fill.token = undefined;
    fill.timer?.cancel();
    if (token) await this.#with.store!.abandon(fill.key, token, failure, keepMs).catch(() => {});
  }

  async #claim(fill: Fill, tags: readonly string[], seenMs: number): Promise<FillStart> {
    const { store, tags: table } = this.#with;
    if (!store) {
      fill.stamp = table.stampNow(tags)!;
      return { role: 'leader', fill };
    }
    const token = this.#with.newToken();
    const [stamp, acquisition] = await Promise.all([
      table.stamp(tags).catch(() => table.stampApart(tags)),
      store.acquire(fill.key, token, this.#with.leaseMs, seenMs).catch(() => undefined),
    ]);
    fill.stamp = stamp;
    if (!acquisition) return { role: 'leader', fill };
    if (acquisition.outcome === 'granted') {
      fill.token = token;
      this.#keepAlive(fill, store, token);
      return { role: 'leader', fill };
    }
    if (acquisition.outcome === 'held') return { role: 'follower', done: this.#awaitOther(fill, acquisition.leftMs) };
    this.#end(fill, acquisition.outcome === 'stored' ? 'committed' : 'abandoned');
    if (acquisition.outcome === 'stored') return { role: 'served', value: acquisition.value };
    const error = new Error(acquisition.failure.message);
    const adopted = this.#with.failures.adopt(fill.key, acquisition.failure, acquisition.leftMs, error);
    return { role: 'refused', failure: adopted, error, leftMs: acquisition.leftMs };
  }

  /** Waits for the holder elsewhere: the store tells of its end; should it die, its lease runs out. */
  #awaitOther(fill: Fill, leftMs: number): Promise<FillEnd> {
    // The message of its end may have come together with the answer that told of it.
    if (fill.fence.struck || fill.woken) {
      this.#end(fill, 'abandoned');
      return fill.done;
    }
    fill.timer = this.#with.clock.setTimer(() => this.#end(fill, 'abandoned'), leftMs);
    fill.waits = true;
    fill.fence.onStrike = () => this.#end(fill, 'committed');
    return fill.done;
  }

  #keepAlive(fill: Fill, store: StoreGuard, token: string): void {
    const { clock, leaseMs } = this.#with;
    let aliveMs = clock.monotonic();
    const beat = async (): Promise<void> => {
      const askedMs = clock.monotonic();
      const renewed = await store.renew(fill.key, token, leaseMs).catch(() => undefined);
      if (fill.ended) return;
      if (renewed) aliveMs = askedMs;
      else if (renewed === false || clock.monotonic() - aliveMs > leaseMs) fill.lose(`the lease on '${fill.key}' was lost`);
    };
    fill.timer = clock.setRepeating(() => void beat(), leaseMs / 3);
  }

  #end(fill: Fill, end: FillEnd): void {
    if (fill.ended) return;
    fill.timer?.cancel();
    this.#with.fences.close(fill.fence);
    if (this.#running.get(fill.key) === fill) this.#running.delete(fill.key);
    fill.settle(end);
  }
}
