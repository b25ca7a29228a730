import type { EntryOptions, FillLease, FillWait, ValueStore } from '../../cache/index.ts';
import type { Clock, Timer } from '../../kernel/index.ts';

/** The right to make one entry: no other instance of the fleet makes it meanwhile. */
export class Claim<Value> {
  readonly #lease: FillLease<Value>;
  readonly #timer: Timer;
  readonly #onEnd: (claim: Claim<Value>) => void;

  constructor(lease: FillLease<Value>, clock: Clock, limitMs: number, onEnd: (claim: Claim<Value>) => void) {
    this.#lease = lease;
    this.#onEnd = onEnd;
    const late = new Error('Next.js began to make it and never stored it');
    this.#timer = clock.setTimer(() => void this.release(this.lost ? undefined : late), limitMs);
  }

  /** The entry was invalidated since, or another instance has the right now: nothing can be stored under it any more. */
  get lost(): boolean {
    return this.#lease.signal.aborted;
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

/** Why there is no claim: someone else makes the entry, or making it failed and it rests. */
export type Refused = FillWait;

/**
 * Who makes what. Next never says that a render failed, only what came of those that did not: so each claim has an end,
 * and whoever has stored nothing until then has failed.
 */
export class Claims<Value> {
  readonly #store: ValueStore<Value>;
  readonly #clock: Clock;
  readonly #limitMs: number;
  readonly #waitMs: number;
  /** The last claim on each key that has not ended. */
  readonly #held = new Map<string, Claim<Value>>();

  constructor(store: ValueStore<Value>, clock: Clock, settings: { readonly renderTimeout: number; readonly wait: number }) {
    this.#store = store;
    this.#clock = clock;
    this.#limitMs = settings.renderTimeout;
    this.#waitMs = settings.wait;
  }

  async claim(key: string, tags: readonly string[] = []): Promise<Claim<Value> | Refused> {
    const start = await this.#store.begin(key, { tags });
    if (start.role === 'follower') return start;
    const claim = new Claim(start, this.#clock, this.#limitMs, (ended) => {
      if (this.#held.get(key) === ended) this.#held.delete(key);
    });
    this.#held.set(key, claim);
    return claim;
  }

  /** The claim of this process on `key`. */
  held(key: string): Claim<Value> | undefined {
    return this.#held.get(key);
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
        if (start instanceof Claim) return start;
        if (start.failure || (await Promise.race([start.done, patience.promise])) === 'over') return undefined;
        const found = await find();
        if (found !== undefined) return found;
      }
    } finally {
      timer.cancel();
    }
  }
}
