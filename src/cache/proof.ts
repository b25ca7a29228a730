import type { Clock } from '../kernel/index.ts';
import type { StoreWatch } from '../ports/index.ts';

/** What {@link Proof} looks at, and keeps, of an entry. */
export interface Provable {
  /** {@link Proof.era} when the work that made it began. */
  readonly era: number;
  /** The last moment at which its value was surely current: no invalidation acknowledged before it touches the value. */
  confirmedMs: number;
}

/** The moment a work begins; the value it finds is as new. */
export type ProofMark = Pick<Provable, 'era' | 'confirmedMs'>;

/**
 * Until when entries in memory are known to be current. The store's messages prove what was made since the last gap in
 * them: an era. What is older has only the proof it had when the gap came, and what was read or loaded while the store
 * was away is of an era of its own.
 */
export class Proof {
  /** Grows with every gap. */
  era = 0;
  /** A gap came while the store was away: until it answers, its messages prove nothing. */
  #suspended = false;
  watch: Pick<StoreWatch, 'provenMs'> | undefined;
  readonly #clock: Clock;
  readonly #maxStalenessMs: number;

  constructor(clock: Clock, maxStalenessMs: number) {
    this.#clock = clock;
    this.#maxStalenessMs = maxStalenessMs;
  }

  mark(): ProofMark {
    return { era: this.era, confirmedMs: this.#clock.monotonic() };
  }

  /** Whether no invalidation acknowledged more than `maxStaleness` ago can have passed the entry by. */
  holds(entry: Provable): boolean {
    return this.sinceMs(entry) <= 0;
  }

  /** For how long the entry has not been proven any more, ms; 0 or less: it is. */
  sinceMs(entry: Provable): number {
    const isOfThisEra = entry.era === this.era && !this.#suspended;
    const provenMs = isOfThisEra ? Math.max(this.watch?.provenMs ?? -Infinity, entry.confirmedMs) : entry.confirmedMs;
    return this.#clock.monotonic() - provenMs - this.#maxStalenessMs;
  }

  /**
   * Messages may have been missed: `entries` keep the proof there was. While the store is `away` a further gap changes
   * nothing; false then.
   */
  gap(entries: Iterable<Provable>, away: boolean): boolean {
    if (this.#suspended) return false;
    const provenMs = this.watch?.provenMs ?? -Infinity;
    if (provenMs > -Infinity) {
      for (const entry of entries) if (entry.era === this.era) entry.confirmedMs = Math.max(entry.confirmedMs, provenMs);
    }
    this.era++;
    this.#suspended = away;
    return true;
  }

  /** The store answers again. True when a gap came while it was away. */
  resume(): boolean {
    if (!this.#suspended) return false;
    this.era++;
    this.#suspended = false;
    return true;
  }
}
