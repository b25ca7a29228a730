import { messageOf, type Clock, type Timer } from '../kernel/index.ts';
import type { FillFailure, StoredValue } from '../ports/index.ts';
import type { FailureMemory } from './failures.ts';
import type { Fence, Fences } from './fences.ts';
import type { Proof, ProofMark } from './proof.ts';
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
  readonly proof: Proof;
  readonly failures: FailureMemory;
  readonly store: StoreGuard | undefined;
  readonly leaseMs: number;
  /** A token no other fill of the fleet has. */
  readonly newToken: () => string;
}

const NOTHING: TagStamp = { records: [], versions: [] };

/** The right to fill one key, in this process and, with a store, in the fleet. */
export class Fill {
  readonly key: string;
  readonly fence: Fence;
  readonly done: Promise<FillEnd>;
  /** Count of tag invalidations when the fill began. */
  readonly tagSequence: number;
  /** Its start, monotonic and by the wall clock: what is loaded is at least as new. */
  readonly mark: ProofMark;
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
  /** The store said that the key changed: whether the lease still holds has to be asked. */
  doubted = false;
  /** The question is under way. */
  settling: Promise<void> | undefined;
  /** The value is on its way to the store, whose answer will tell whether the lease held. */
  committing = false;
  /** The store told of a change of the key since then; most likely it was this one. */
  echoed = false;
  /** Renews the lease, or ends the wait for it. */
  timer: Timer | undefined;
  #settle!: (end: FillEnd) => void;
  ended = false;

  constructor(key: string, fence: Fence, mark: ProofMark, startedMs: number, tagSequence: number) {
    this.key = key;
    this.fence = fence;
    this.tagSequence = tagSequence;
    this.mark = mark;
    this.startedMs = startedMs;
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
 * and tags are fixed before the holder begins to load, so whatever is invalidated while it loads is not stored. Whether a
 * lease still holds is for the store to say: its messages, which may tell of our own changes, only make us ask.
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
    for (let running = this.#running.get(key); running; running = this.#running.get(key)) {
      let isOvertaken = this.#isOvertaken(running);
      if (isOvertaken === undefined) {
        await this.#settle(running);
        if (this.#running.get(key) !== running) continue;
        isOvertaken = this.#isOvertaken(running);
      }
      if (isOvertaken === false) return { role: 'follower', done: running.done };
      break;
    }
    const remembered = this.#with.failures.current(key);
    if (remembered) {
      const leftMs = remembered.untilMs - this.#with.clock.monotonic();
      return { role: 'refused', failure: remembered, error: remembered.error, leftMs };
    }
    const fill = this.#open(key);
    const start = await this.#claim(fill, tags, seenMs);
    if (start.role !== 'leader') return start;
    if (this.#isOvertaken(fill) === undefined) await this.#settle(fill);
    if (!this.#isOvertaken(fill)) return start;
    // Invalidated before the load has even begun: with new versions it need not be in vain.
    this.finish(fill, false);
    return this.begin(key, tags, seenMs);
  }

  /**
   * The stamp for the value: what was known beforehand, and `tags` as far as they are new. Undefined: overtaken. While the
   * store does not answer, what was heard before decides.
   */
  async finalStamp(fill: Fill, tags: readonly string[]): Promise<TagStamp | undefined> {
    const { tags: table } = this.#with;
    const known = fill.stamp!;
    const late = tags.filter((tag) => !known.records.some((record) => record.name === tag));
    const lateStamp = late.length === 0 ? NOTHING : await this.#lateStamp(fill, late);
    if (table.verdict(known) === 'unknown') await table.settle(namesOf(known)).catch(() => {});
    if (!lateStamp || fill.fence.struck || table.lastVerdict(known) !== 'valid') return undefined;
    return { records: [...known.records, ...lateStamp.records], versions: [...known.versions, ...lateStamp.versions] };
  }

  async #lateStamp(fill: Fill, late: readonly string[]): Promise<TagStamp | undefined> {
    const { tags: table } = this.#with;
    try {
      return await table.stampLate(late, fill.tagSequence);
    } catch {
      return table.doubtedSince(late, fill.tagSequence) ? undefined : table.stampApart(late);
    }
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

  /** Tags were or may have been invalidated: fills that this overtakes must not keep others from beginning anew. */
  review(): void {
    for (const fill of this.#running.values()) if (!fill.waits) this.#judge(fill);
  }

  /** Messages may have been missed: that a lease was lost, or the end of those who are waited for. */
  onGap(): void {
    for (const fill of this.#running.values()) {
      if (fill.waits) this.#end(fill, 'abandoned');
      else if (!fill.committing) this.#doubt(fill);
    }
  }

  /** Whether someone who arrives now must not be given what `fill` will find; undefined: the store has to be asked. */
  #isOvertaken(fill: Fill): boolean | undefined {
    const { tags } = this.#with;
    if (fill.fence.struck) return true;
    const verdict = fill.stamp ? tags.verdict(fill.stamp) : 'valid';
    if (verdict === 'stale' || verdict === 'invalid') return true;
    if (fill.doubted && fill.token) return undefined;
    return verdict === 'unknown' && tags.doubtedSince(namesOf(fill.stamp!), fill.tagSequence) ? undefined : false;
  }

  #judge(fill: Fill): void {
    const isOvertaken = this.#isOvertaken(fill);
    if (isOvertaken) this.#overtake(fill, 'one of its tags was invalidated');
    else if (isOvertaken === undefined) void this.#settle(fill);
  }

  /** Asks the store about the fill's lease and tags. What it does not answer stays in doubt. */
  #settle(fill: Fill): Promise<void> {
    return (fill.settling ??= this.#ask(fill).finally(() => (fill.settling = undefined)));
  }

  async #ask(fill: Fill): Promise<void> {
    const { tags } = this.#with;
    const { stamp } = fill;
    const [held] = await Promise.all([this.#stillHolds(fill), stamp && tags.settle(namesOf(stamp)).catch(() => {})]);
    if (fill.ended || fill.committing) return;
    if (held === undefined) fill.doubted = true;
    if (held === false) this.#overtake(fill, 'it was invalidated');
    else if (this.#isOvertaken(fill)) this.#overtake(fill, 'one of its tags was invalidated');
  }

  /** Whether the store knows of the fill's lease; asks again while it tells of further changes. Undefined: no answer. */
  async #stillHolds(fill: Fill): Promise<boolean | undefined> {
    const { store, leaseMs } = this.#with;
    let held: boolean | undefined = true;
    while (held && fill.doubted && fill.token !== undefined && !fill.committing) {
      fill.doubted = false;
      held = await store!.renew(fill.key, fill.token, leaseMs).catch(() => undefined);
    }
    return held;
  }

  /** The store says that the key changed. Without a lease there is nothing to ask for: what is loaded may be from before. */
  #hint(fill: Fill): void {
    const isAlone = fill.stamp !== undefined && fill.token === undefined;
    if (isAlone) this.#overtake(fill, 'it was invalidated');
    else this.#doubt(fill);
  }

  #doubt(fill: Fill): void {
    if (fill.committing) fill.echoed = true;
    else fill.doubted = true;
    if (fill.token && !fill.committing) void this.#settle(fill);
  }

  #open(key: string): Fill {
    const { clock, fences, tags, proof } = this.#with;
    const fill = new Fill(key, fences.open(key), proof.mark(), clock.now(), tags.sequence);
    fill.fence.onStrike = () => this.#overtake(fill, 'it was invalidated');
    fill.fence.onHint = () => this.#hint(fill);
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
    if (fill.fence.struck || fill.woken || fill.doubted) {
      this.#end(fill, 'abandoned');
      return fill.done;
    }
    // The versions it would have loaded under do not matter: what the other stores brings its own.
    fill.stamp = undefined;
    fill.timer = this.#with.clock.setTimer(() => this.#end(fill, 'abandoned'), leftMs);
    fill.waits = true;
    fill.fence.onStrike = fill.fence.onHint = () => this.#end(fill, 'committed');
    return fill.done;
  }

  #keepAlive(fill: Fill, store: StoreGuard, token: string): void {
    const { clock, leaseMs } = this.#with;
    let aliveMs = clock.monotonic();
    const beat = async (): Promise<void> => {
      const askedMs = clock.monotonic();
      const renewed = await store.renew(fill.key, token, leaseMs).catch(() => undefined);
      if (fill.ended || fill.committing) return;
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

function namesOf(stamp: TagStamp): string[] {
  return stamp.records.map((record) => record.name);
}
