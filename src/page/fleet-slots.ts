import type { FillLease, ValueStore } from '../cache/index.ts';
import type { Clock } from '../kernel/index.ts';
import type { PageEntry } from './stored-page.ts';

const DAY_MS = 86_400_000;

/** The right to run one regeneration. */
export interface Slot {
  /** Gives it back; `used` counts it against the day's budget. */
  release(used: boolean): Promise<void>;
}

/**
 * How many regenerations run at once, and how many a day, in the whole fleet. Each of the places is a lease in the
 * store; whoever holds it alone counts its share of the day, so the sum never exceeds the budget whoever crashes when.
 * Without a shared store the bounds are those of the process.
 */
export class FleetSlots {
  readonly #store: ValueStore<PageEntry>;
  readonly #clock: Clock;
  readonly #count: number;
  readonly #perDay: number;
  /** Where to look first: spreads processes over the places. */
  #next: number;

  constructor(store: ValueStore<PageEntry>, clock: Clock, count: number, perDay: number, first: number) {
    this.#store = store;
    this.#clock = clock;
    this.#count = count;
    this.#perDay = perDay;
    this.#next = first % count;
  }

  /** A free place with budget left; undefined when there is none, and why. */
  async take(): Promise<Slot | 'busy' | 'spent'> {
    let spent = 0;
    for (let tried = 0; tried < this.#count; tried++) {
      const place = this.#next;
      this.#next = (this.#next + 1) % this.#count;
      const slot = await this.#takePlace(place);
      if (slot === 'spent') spent++;
      else if (slot !== 'busy') return slot;
    }
    return spent === this.#count ? 'spent' : 'busy';
  }

  /** When a spent budget is renewed, wall-clock ms. */
  get renewedAtMs(): number {
    return (this.#day() + 1) * DAY_MS;
  }

  async #takePlace(place: number): Promise<Slot | 'busy' | 'spent'> {
    const key = `spillway-regeneration-place-${place}`;
    const before = (await this.#store.entry(key))?.value;
    const day = this.#day();
    const used = before?.kind === 'slot' && before.day === day ? before.used : 0;
    if (used >= this.#shareOf(place)) return 'spent';
    const right = await this.#store.begin(key);
    if (right.role === 'follower') return 'busy';
    return { release: (isUsed) => this.#release(right, day, used + (isUsed ? 1 : 0)) };
  }

  async #release(lease: FillLease<PageEntry>, day: number, used: number): Promise<void> {
    await lease.commit({ kind: 'slot', day, used }, { ttl: '2d' });
  }

  /** The day's budget split over the places, the rest to the first ones. */
  #shareOf(place: number): number {
    return Math.floor(this.#perDay / this.#count) + (place < this.#perDay % this.#count ? 1 : 0);
  }

  #day(): number {
    return Math.floor(this.#clock.now() / DAY_MS);
  }
}
