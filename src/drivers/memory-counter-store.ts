import { runtimeFrom, type Clock, type Counter, type Runtime } from '../kernel/index.ts';
import type {
  CounterStore,
  CountGroup,
  PermitAnswer,
  RefundEntry,
  StoredLimit,
  StoredState,
  TakeAnswer,
  TakeRequest,
} from '../ports/index.ts';
import { newCount, type Moment, type StoredCount } from './memory-counts.ts';

export interface MemoryCounterStoreOptions {
  /** Keys counted at once, and keys with permits out; beyond, the least used counts are forgotten. Default 200,000. */
  readonly maxKeys?: number;
}

interface Kept {
  /** One per limit of the key. */
  readonly counts: readonly StoredCount[];
  /** Monotonic ms from which on nothing counts. */
  endsMs: number;
  /** The highest share of a limit used when the key was last counted. */
  usedShare: number;
}

interface HeldPermit {
  readonly client: MemoryCounterClient;
  untilMs: number;
}

const DEFAULT_MAX_KEYS = 200_000;
/** More than one, so that what has run out goes faster than keys come. */
const LOOKED_AT = 2;
const LOOKED_AT_WHEN_FULL = 32;

/**
 * Counts of several limiters in one process, or through `remote-counter-store.ts` of one machine: limits that hold for
 * all its workers, with nothing installed. A decision is one synchronous step. Counts survive the workers, not this
 * process.
 */
export class MemoryCounterStore {
  readonly #clock: Clock;
  readonly #maxKeys: number;
  readonly #kept = new Map<string, Kept>();
  readonly #permits = new Map<string, Map<string, HeldPermit>>();
  readonly #clients = new Set<MemoryCounterClient>();
  readonly #forgotten: Counter;
  #hand: MapIterator<[string, Kept]> | undefined;

  constructor(options: MemoryCounterStoreOptions = {}, runtime: Partial<Runtime> = {}) {
    const { clock, metrics } = runtimeFrom(runtime);
    this.#clock = clock;
    this.#maxKeys = options.maxKeys ?? DEFAULT_MAX_KEYS;
    const keys = metrics.gauge({ name: 'spillway_counter_store_keys', help: 'Keys counted for the workers of this machine.' });
    metrics.onCollect(() => keys.series().set(this.#kept.size));
    this.#forgotten = metrics
      .counter({
        name: 'spillway_counter_store_forgotten_keys',
        help: 'Keys forgotten while they still counted, because the store was full.',
      })
      .series();
  }

  /** A client; its `close` gives back the permits it holds. */
  connect(): CounterStore {
    const client = new MemoryCounterClient(this);
    this.#clients.add(client);
    return client;
  }

  get clients(): number {
    return this.#clients.size;
  }

  take({ groups, cost, atLeast, leaseMs, force }: TakeRequest): TakeAnswer {
    const moment = this.#moment(leaseMs);
    const kept = groups.map((group) => this.#keptOf(group));
    const rooms = groups.map(({ limits }, g) => kept[g]!.counts.map((count, i) => count.look(limits[i]!, moment)));
    const allowed = rooms.every((own) => own.every((room) => room >= atLeast));
    const granted = allowed ? Math.min(cost, ...rooms.flat()) : 0;
    const states: StoredState[] = [];
    for (const [g, group] of groups.entries()) {
      const own = kept[g]!.counts.map((count, i) => {
        const units = force ? Math.max(0, Math.min(cost, rooms[g]![i]!)) : granted;
        if (units > 0) count.book(units);
        return count.state(atLeast);
      });
      if (granted > 0 || (force && cost > 0)) this.#keep(group, kept[g]!, own, moment.nowMs);
      states.push(...own);
    }
    return { allowed, granted, states };
  }

  refund({ group, receipts, cost }: RefundEntry): void {
    const moment = this.#moment(0);
    this.#kept.get(group.key)?.counts.forEach((count, i) => {
      count.look(group.limits[i]!, moment);
      count.refund(cost, receipts?.[i]);
    });
  }

  reset(key: string): void {
    this.#kept.delete(key);
    this.#permits.delete(key);
  }

  acquirePermit(client: MemoryCounterClient, key: string, holder: string, limit: number, leaseMs: number): PermitAnswer {
    const nowMs = this.#clock.monotonic();
    const holders = this.#holdersOf(key, nowMs);
    const isFull = !this.#permits.has(key) && this.#permits.size >= this.#maxKeys;
    if (holders.size >= limit || isFull) {
      const endsMs = Math.min(...Array.from(holders.values(), (held) => held.untilMs), nowMs + leaseMs);
      return { granted: false, held: holders.size, retryAfterMs: Math.ceil(endsMs - nowMs) };
    }
    holders.set(holder, { client, untilMs: nowMs + leaseMs });
    this.#permits.set(key, holders);
    client.permits.set(holder, key);
    return { granted: true, held: holders.size, retryAfterMs: 0 };
  }

  renewPermit(key: string, holder: string, leaseMs: number): boolean {
    const nowMs = this.#clock.monotonic();
    const held = this.#holdersOf(key, nowMs).get(holder);
    if (held) held.untilMs = nowMs + leaseMs;
    return held !== undefined;
  }

  releasePermit(key: string, holder: string): void {
    const holders = this.#permits.get(key);
    holders?.get(holder)?.client.permits.delete(holder);
    holders?.delete(holder);
    if (holders?.size === 0) this.#permits.delete(key);
  }

  disconnect(client: MemoryCounterClient): void {
    this.#clients.delete(client);
    for (const [holder, key] of client.permits) this.releasePermit(key, holder);
  }

  #moment(leaseMs: number): Moment {
    return { nowMs: this.#clock.monotonic(), wallMs: this.#clock.now(), leaseMs };
  }

  /** What counts under a key; empty, and not stored yet, where nothing does. */
  #keptOf({ key, limits }: CountGroup): Kept {
    const kept = this.#kept.get(key);
    if (kept?.counts.length === limits.length) return kept;
    return { counts: limits.map((limit) => newCount(limit.algorithm)), endsMs: 0, usedShare: 0 };
  }

  #keep({ key, limits }: CountGroup, kept: Kept, states: readonly StoredState[], nowMs: number): void {
    kept.endsMs = nowMs + Math.max(...states.map((state) => state.resetMs));
    kept.usedShare = Math.max(...states.map((state, i) => shareOf(limits[i]!, state.used)));
    if (this.#kept.get(key) === kept) return;
    this.#makeRoom(nowMs);
    this.#kept.set(key, kept);
  }

  /** Takes back what has run out among the next keys round the table; when it is full, at least the least used of them. */
  #makeRoom(nowMs: number): void {
    const isFull = this.#kept.size >= this.#maxKeys;
    let least: [string, Kept] | undefined;
    for (let step = 0; step < (isFull ? LOOKED_AT_WHEN_FULL : LOOKED_AT) && this.#kept.size > 0; step++) {
      const next = this.#nextUnderHand();
      if (next[1].endsMs <= nowMs) this.#kept.delete(next[0]);
      else if (!least || next[1].usedShare < least[1].usedShare) least = next;
    }
    if (this.#kept.size < this.#maxKeys) return;
    this.#kept.delete(least![0]);
    this.#forgotten.inc();
  }

  /** The table is not empty when this is called. */
  #nextUnderHand(): [string, Kept] {
    let next = this.#hand?.next();
    if (!next || next.done) {
      this.#hand = this.#kept.entries();
      next = this.#hand.next();
    }
    return next.value!;
  }

  /** Who holds permits of a key now. */
  #holdersOf(key: string, nowMs: number): Map<string, HeldPermit> {
    const holders = this.#permits.get(key);
    if (!holders) return new Map();
    for (const [holder, held] of holders) {
      if (held.untilMs > nowMs) continue;
      holders.delete(holder);
      held.client.permits.delete(holder);
    }
    if (holders.size === 0) this.#permits.delete(key);
    return holders;
  }
}

function shareOf({ algorithm, limit, burst }: StoredLimit, used: number): number {
  return used / (algorithm === 'smooth' ? burst : limit);
}

/** One limiter's, or one worker's, way to a {@link MemoryCounterStore}. */
class MemoryCounterClient implements CounterStore {
  /** Keys of the permits held through this client, by holder. */
  readonly permits = new Map<string, string>();
  readonly #store: MemoryCounterStore;

  constructor(store: MemoryCounterStore) {
    this.#store = store;
  }

  get instances(): number {
    return Math.max(1, this.#store.clients);
  }

  async take(request: TakeRequest): Promise<TakeAnswer> {
    return this.#store.take(request);
  }

  async refund(entries: readonly RefundEntry[]): Promise<void> {
    for (const entry of entries) this.#store.refund(entry);
  }

  async reset(keys: readonly string[]): Promise<void> {
    for (const key of keys) this.#store.reset(key);
  }

  async acquirePermit(key: string, holder: string, limit: number, leaseMs: number): Promise<PermitAnswer> {
    return this.#store.acquirePermit(this, key, holder, limit, leaseMs);
  }

  async renewPermit(key: string, holder: string, leaseMs: number): Promise<boolean> {
    return this.#store.renewPermit(key, holder, leaseMs);
  }

  async releasePermit(key: string, holder: string): Promise<void> {
    this.#store.releasePermit(key, holder);
  }

  async ping(): Promise<void> {}

  async close(): Promise<void> {
    this.#store.disconnect(this);
  }
}
