import type { FillLease, ValueStore } from '../cache/index.ts';
import type { Clock, Random, Timer } from '../kernel/index.ts';
import type { PageEntry, RosterLine } from './stored-page.ts';

export interface RosterMember {
  /** Pages that wait in this process. */
  waiting(): number;
  /** What this process has to say of its pages' traffic, in a fleet of so many processes. */
  rates(members: number): Readonly<Record<string, number>>;
  /** The room has become less or more, or others have said something new. */
  onNews(): void;
}

const KEY = 'spillway-regeneration-roster';
const EXCHANGE_MS = 15_000;
/** A process that has not written for so long is gone. */
const GONE_MS = 60_000;
/** A process that is short of room asks no more often than this. */
const SHORT_MS = 1000;
const ATTEMPTS = 6;

/**
 * Shares the fleet's waiting places among its processes, and tells each what the others count. Every process keeps a line
 * in one entry of the shared store and renews it under the entry's lease, so the rooms together do not exceed `places`.
 * Half of its equal share is every process's own; the rest goes to whoever needs it. Without a shared store, or alone, a
 * process has all of it.
 */
export class FleetRoster {
  readonly #store: ValueStore<PageEntry>;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #places: number;
  readonly #member: RosterMember;
  readonly #id: string;
  #repeating: Timer | undefined;
  #others: readonly RosterLine[] = [];
  #room: number;
  #exchanging: Promise<void> | undefined;
  #closed = false;
  #isNew = true;
  #lastMs = -Infinity;

  constructor(
    store: ValueStore<PageEntry>,
    { clock, random }: { readonly clock: Clock; readonly random: Random },
    places: number,
    member: RosterMember,
  ) {
    this.#store = store;
    this.#clock = clock;
    this.#random = random;
    this.#places = places;
    this.#room = places;
    this.#member = member;
    this.#id = Math.floor(random.next() * 2 ** 48).toString(36);
  }

  /** This process has pages to keep: from now on it takes part. */
  join(): void {
    if (this.#repeating !== undefined || this.#closed) return;
    this.#repeating = this.#clock.setRepeating(() => void this.exchange(), EXCHANGE_MS);
    void this.exchange();
  }

  /** How many pages may wait here. */
  get room(): number {
    return this.#room;
  }

  /** How many wait in other processes, as they last said. */
  get waitingElsewhere(): number {
    return this.#others.reduce((sum, { waiting }) => sum + waiting, 0);
  }

  /** Requests an hour that others count, by digest of the page's key. */
  ratesElsewhere(): ReadonlyMap<string, number> {
    const sums = new Map<string, number>();
    for (const { rates } of this.#others) {
      for (const [digest, perHour] of Object.entries(rates)) sums.set(digest, (sums.get(digest) ?? 0) + perHour);
    }
    return sums;
  }

  /** There was no room: asks for more, now and then. */
  fallShort(): void {
    if (this.#clock.monotonic() - this.#lastMs >= SHORT_MS) void this.exchange();
  }

  /** Renews this process's line and reads those of the others; with `wanted` it asks for that much room. */
  exchange(wanted = 0): Promise<void> {
    return (this.#exchanging ??= this.#exchange(wanted)
      // The store is away: what was agreed last goes on.
      .catch(() => undefined)
      .finally(() => (this.#exchanging = undefined)));
  }

  close(): void {
    this.#closed = true;
    this.#repeating?.cancel();
  }

  async #exchange(wanted: number): Promise<void> {
    this.#lastMs = this.#clock.monotonic();
    for (let attempt = 0; attempt < ATTEMPTS && !this.#closed; attempt++) {
      const right = await this.#store.begin(KEY);
      if (right.role === 'leader') return this.#write(right, wanted);
      await this.#clock.sleep(10 * 2 ** attempt * (0.5 + this.#random.next()));
    }
  }

  async #write(lease: FillLease<PageEntry>, wanted: number): Promise<void> {
    const nowMs = this.#clock.now();
    const before = (await this.#store.entry(KEY))?.value;
    const known = before?.kind === 'roster' ? Object.entries(before.lines) : [];
    const others = known.filter(([id, { atMs }]) => id !== this.#id && nowMs - atMs < GONE_MS);
    this.#others = others.map(([, line]) => line);
    // What was let in before this process had heard of the others may stay; later the least important gives way.
    const room = this.#isNew ? Math.max(this.#roomFor(wanted), this.#member.waiting()) : this.#roomFor(wanted);
    // What is given back is left before others can see it, and what is gained is used once they have.
    this.#room = Math.min(this.#room, room);
    this.#member.onNews();
    const line = { atMs: nowMs, room, waiting: this.#member.waiting(), rates: this.#member.rates(others.length + 1) };
    const lines = Object.fromEntries([...others, [this.#id, line]]);
    if (!(await lease.commit({ kind: 'roster', lines }, { ttl: '5m' }))) return;
    this.#room = room;
    this.#isNew = false;
    this.#member.onNews();
  }

  #roomFor(wanted: number): number {
    if (this.#others.length === 0) return this.#places;
    const own = Math.floor(this.#places / (2 * (this.#others.length + 1)));
    const held = this.#others.reduce((sum, { room }) => sum + room, 0);
    const reserved = this.#others.reduce((sum, { room }) => sum + Math.max(room, own), 0);
    const needed = Math.max(own, wanted, this.#member.waiting() + Math.floor(own / 2));
    return Math.max(0, Math.min(needed, this.#places - reserved), Math.min(own, this.#places - held));
  }
}
