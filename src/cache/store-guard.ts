import { SpillwayError, type Clock, type Timer } from '../kernel/index.ts';
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
import { EVERYTHING } from './tag-names.ts';

export interface StoreGuardOptions {
  /** Failures in a row after which the store is left alone. */
  readonly failures: number;
  /** How often a store left alone is asked whether it is back, ms. */
  readonly probeMs: number;
  /** How many invalidations are owed at most; beyond that everything is. */
  readonly maxOwed: number;
  /** Called for each call that failed. */
  readonly onFailure?: () => void;
}

const READY_PAUSE_MS = 20;
const FIRST_PROBE_MS = 25;
/** A call that failed later than this has waited for an answer; one that fails sooner costs nobody anything. */
const WAITED_MS = 10;

/** An invalidation the store has not heard of. */
type Owed =
  | { readonly kind: 'value'; readonly key: string; readonly beforeMs: number }
  | { readonly kind: 'stale'; readonly key: string; readonly atMs: number }
  | { readonly kind: 'tag'; readonly tag: string; readonly soft: boolean }
  | { readonly kind: 'pattern'; readonly pattern: string };

/**
 * A store that may be slow, frozen or gone. After some failures in a row, or when a call waited in vain while no other was
 * answered either, it is left alone, and asked now and then until it answers: nobody waits twice. Reads and leases reject meanwhile, at once. Invalidations never reject: they are owed and made good, so
 * that no value older than the invalidation outlives it; values are never replayed, for someone may have removed them
 * since.
 */
export class StoreGuard {
  readonly #store: KvStore;
  readonly #clock: Clock;
  readonly #options: StoreGuardOptions;
  readonly #onChange: (available: boolean, error?: unknown) => void;
  readonly #owed = new Map<string, Owed>();
  #owesEverything = false;
  #failures = 0;
  #answeredMs = -Infinity;
  #probe: Timer | undefined;
  /** The store answers again, and is being told of what it missed. */
  #paying = false;
  #closed = false;
  failed = 0;

  constructor(store: KvStore, clock: Clock, options: StoreGuardOptions, onChange: (available: boolean, error?: unknown) => void) {
    this.#store = store;
    this.#clock = clock;
    this.#options = options;
    this.#onChange = onChange;
  }

  /** Whether calls go to the store at all. */
  get available(): boolean {
    return this.#probe === undefined;
  }

  /** Invalidations the store has not heard of. */
  get owed(): number {
    return this.#owed.size + (this.#owesEverything ? 1 : 0);
  }

  get(key: string): Promise<StoredValue | undefined> {
    return this.#call(() => this.#store.get(key));
  }

  getMany(keys: readonly string[]): Promise<(StoredValue | undefined)[]> {
    return this.#call(() => this.#store.getMany(keys));
  }

  acquire(key: string, token: string, leaseMs: number, seenMs: number): Promise<Acquisition> {
    return this.#call(() => this.#store.acquire(key, token, leaseMs, seenMs));
  }

  renew(key: string, token: string, leaseMs: number): Promise<boolean> {
    return this.#call(() => this.#store.renew(key, token, leaseMs));
  }

  commit(token: string, write: StoreWrite): Promise<boolean> {
    return this.#call(() => this.#store.commit(token, write));
  }

  abandon(key: string, token: string, failure?: FillFailure, keepMs?: number): Promise<void> {
    return this.#call(() => this.#store.abandon(key, token, failure, keepMs));
  }

  /** When this fails, versions are made up; the store is left alone until they can be forgotten. */
  async versions(tags: readonly string[]): Promise<TagVersion[]> {
    try {
      return await this.#call(() => this.#store.versions(tags));
    } catch (error) {
      this.#leaveAlone(error);
      throw error;
    }
  }

  /** A put that fails owes the removal of what was there before; false then. */
  put(writes: readonly StoreWrite[]): Promise<boolean> {
    const owed = writes.map(({ key, value }): Owed => ({ kind: 'value', key, beforeMs: value.storedMs }));
    return this.#callOrOwe(() => this.#store.put(writes).then(() => true), owed, false);
  }

  remove(keys: readonly string[]): Promise<number> {
    const beforeMs = this.#clock.now();
    const owed = keys.map((key): Owed => ({ kind: 'value', key, beforeMs }));
    return this.#callOrOwe(() => this.#store.remove(keys), owed, 0);
  }

  expire(key: string): Promise<boolean> {
    const atMs = this.#clock.now();
    return this.#callOrOwe(() => this.#store.expire(key, atMs), [{ kind: 'stale', key, atMs }], false);
  }

  /** The tags' new versions; undefined when they are owed. */
  bump(tags: readonly string[], soft: boolean): Promise<TagVersion[] | undefined> {
    const owed = tags.map((tag): Owed => ({ kind: 'tag', tag, soft }));
    return this.#callOrOwe<TagVersion[] | undefined>(() => this.#store.bump(tags, soft), owed, undefined);
  }

  removeMatching(pattern: string): Promise<number> {
    return this.#callOrOwe(() => this.#store.removeMatching(pattern), [{ kind: 'pattern', pattern }], 0);
  }

  /** Resolves when the store answers and owes nothing, or with false after `limitMs`. */
  async ready(limitMs: number): Promise<boolean> {
    const deadlineMs = this.#clock.monotonic() + limitMs;
    while (!this.#closed) {
      const answers = await this.#call(() => this.#store.ping()).then(
        () => true,
        () => false,
      );
      if (answers || this.#clock.monotonic() >= deadlineMs) return answers;
      await this.#clock.sleep(READY_PAUSE_MS);
    }
    return false;
  }

  watch(listener: StoreListener, maxStalenessMs: number): StoreWatch {
    return this.#store.watch(listener, maxStalenessMs);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#probe?.cancel();
    await this.#store.close();
  }

  async #call<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#probe || this.#closed) {
      throw new SpillwayError('SPILLWAY_STORE_UNAVAILABLE', `The ${this.#store.name} store is being left alone.`);
    }
    return this.#attempt(work);
  }

  async #attempt<Result>(work: () => Promise<Result>): Promise<Result> {
    const startedMs = this.#clock.monotonic();
    try {
      const result = await work();
      this.#failures = 0;
      this.#answeredMs = this.#clock.monotonic();
      return result;
    } catch (error) {
      this.failed++;
      this.#options.onFailure?.();
      const isSilent = this.#answeredMs < startedMs && this.#clock.monotonic() - startedMs > WAITED_MS;
      // Whether it was that call or the store is a matter of one question, which the next caller need not wait for.
      if (isSilent) this.#leaveAlone(error, 0);
      else if (++this.#failures >= this.#options.failures) this.#leaveAlone(error);
      throw error;
    }
  }

  async #callOrOwe<Result>(work: () => Promise<Result>, owed: readonly Owed[], otherwise: Result): Promise<Result> {
    try {
      // While old debts are being paid the store answers: making new ones would never end.
      return await (this.#paying ? this.#attempt(work) : this.#call(work));
    } catch (error) {
      for (const each of owed) this.#owe(each);
      // Nothing is read before the debt is paid.
      this.#leaveAlone(error);
      return otherwise;
    }
  }

  #owe(owed: Owed): void {
    const name = owed.kind === 'tag' ? owed.tag : owed.kind === 'pattern' ? owed.pattern : owed.key;
    const id = `${owed.kind}:${name}`;
    const present = this.#owed.get(id);
    // A hard invalidation covers a soft one.
    if (present?.kind === 'tag' && owed.kind === 'tag' && !present.soft) return;
    this.#owed.set(id, owed);
    if (this.#owed.size <= this.#options.maxOwed) return;
    this.#owed.clear();
    this.#owesEverything = true;
  }

  #leaveAlone(error: unknown, pauseMs = FIRST_PROBE_MS): void {
    if (this.#probe || this.#closed) return;
    this.#schedule(pauseMs);
    this.#onChange(false, error);
  }

  /** Soon at first, for most failures are a matter of moments. */
  #schedule(pauseMs: number): void {
    if (this.#closed) return;
    this.#probe = this.#clock.setTimer(() => void this.#tryAgain(pauseMs), Math.min(this.#options.probeMs, pauseMs));
  }

  async #tryAgain(pausedMs: number): Promise<void> {
    try {
      await this.#store.ping();
      this.#paying = true;
      await this.#pay();
    } catch {
      this.#schedule(Math.max(FIRST_PROBE_MS, 2 * pausedMs));
      return;
    } finally {
      this.#paying = false;
    }
    // Something failed, or was owed again, while the debts were being paid.
    if (this.owed > 0) return this.#schedule(FIRST_PROBE_MS);
    this.#probe = undefined;
    this.#failures = 0;
    this.#onChange(true);
  }

  /** Tells the store of what it missed; whatever fails stays owed. */
  async #pay(): Promise<void> {
    if (this.#owesEverything) {
      await this.#store.bump([EVERYTHING], false);
      this.#owesEverything = false;
    }
    for (const [id, owed] of this.#owed) {
      await this.#payOne(owed);
      if (this.#owed.get(id) === owed) this.#owed.delete(id);
    }
  }

  #payOne(owed: Owed): Promise<unknown> {
    switch (owed.kind) {
      case 'value':
        return this.#store.remove([owed.key], { beforeMs: owed.beforeMs });
      case 'stale':
        return this.#store.expire(owed.key, owed.atMs);
      case 'tag':
        return this.#store.bump([owed.tag], owed.soft);
      case 'pattern':
        return this.#store.removeMatching(owed.pattern);
    }
  }
}
