import type { EntryOptions, FillLease, FillWait, ValueStore } from '../cache/index.ts';
import type { Clock, Timer } from '../kernel/index.ts';

/** The right to make one entry: no other instance of the fleet makes it meanwhile. */
export class Claim<Value> {
  readonly #lease: FillLease<Value>;
  readonly #timer: Timer;
  readonly #onEnd: (claim: Claim<Value>) => void;

  constructor(lease: FillLease<Value>, clock: Clock, limitMs: number, onEnd: (claim: Claim<Value>) => void) {
    this.#lease = lease;
    this.#onEnd = onEnd;
    const late = new Error('its maker has begun and never stored it');
    // A lease that was lost has no failure to tell of: someone else has the right now.
    this.#timer = clock.setTimer(() => void this.release(lease.signal.aborted ? undefined : late), limitMs);
  }

  /** Stores what was made; false, and nothing stored, when it or one of its tags was invalidated since the claim. */
  async commit(value: Value, options: EntryOptions): Promise<boolean> {
    this.#end();
    return this.#lease.commit(value, options);
  }

  /** Wakes those who wait, and lets them try. After an `error` the entry rests first, longer each time. */
  async release(error?: unknown): Promise<void> {
    this.#end();
    await this.#lease.abandon(error);
  }

  #end(): void {
    this.#timer.cancel();
    this.#onEnd(this);
  }
}

/**
 * So many claims a process holds at once. Each one renews its lease, and what is asked for may never be stored (a 404): so
 * beyond, entries are made without a claim, by whoever asks.
 */
const MAX_CLAIMS = 500;

/** Why there is no claim: someone else makes the entry, or making it failed and it rests. */
export type Refused = FillWait;

/**
 * Who makes what, for frameworks that make their entries themselves. They never say that a render failed, only what came of
 * those that did not: so each claim has an end, and whoever has stored nothing until then has failed.
 */
export class Claims<Value> {
  readonly #store: ValueStore<Value>;
  readonly #clock: Clock;
  readonly #limitMs: number;
  readonly #waitMs: number;
  /** The claims of this process that have not ended, by key, oldest first. */
  readonly #held = new Map<string, readonly Claim<Value>[]>();

  constructor(store: ValueStore<Value>, clock: Clock, settings: { readonly renderTimeout: number; readonly wait: number }) {
    this.#store = store;
    this.#clock = clock;
    this.#limitMs = settings.renderTimeout;
    this.#waitMs = settings.wait;
  }

  /** Undefined: make it, without a claim. */
  async claim(key: string, tags: readonly string[] = []): Promise<Claim<Value> | Refused | undefined> {
    if (this.#held.size >= MAX_CLAIMS && !this.#held.has(key)) return undefined;
    const start = await this.#store.begin(key, { tags });
    if (start.role === 'follower') return start;
    const claim = new Claim(start, this.#clock, this.#limitMs, (ended) => this.#end(key, ended));
    this.#held.set(key, [...(this.#held.get(key) ?? []), claim]);
    return claim;
  }

  /** This process's claims on `key`, oldest first. There are several when an invalidation overtook one: it is lost, but its maker does not know. */
  held(key: string): readonly Claim<Value>[] {
    return this.#held.get(key) ?? [];
  }

  /**
   * What is there once whoever makes the entry has ended, or what was refused to this caller too: its own claim, where
   * nothing came of the other's. Undefined when that takes too long, or when the entry rests after a failure.
   */
  async claimOrFind<Found extends object>(
    key: string,
    tags: readonly string[],
    find: () => Promise<Found | undefined>,
  ): Promise<Claim<Value> | Found | undefined> {
    const patience = Promise.withResolvers<'over'>();
    const timer = this.#clock.setTimer(() => patience.resolve('over'), this.#waitMs);
    try {
      for (;;) {
        const start = await this.claim(key, tags);
        if (start === undefined || start instanceof Claim) return start;
        if (start.failure || (await Promise.race([start.done, patience.promise])) === 'over') return undefined;
        const found = await find();
        if (found !== undefined) return found;
      }
    } finally {
      timer.cancel();
    }
  }

  #end(key: string, claim: Claim<Value>): void {
    const left = this.held(key).filter((one) => one !== claim);
    if (left.length > 0) this.#held.set(key, left);
    else this.#held.delete(key);
  }
}
