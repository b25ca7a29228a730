import { PRIORITIES } from '../policy/index.ts';
import type { ResolvedShedderOptions } from './options.ts';

/** Cohorts within a priority. */
export const COHORTS = 128;
/** Places in all: a request's place is its priority's index × 128 + its cohort; 0 is the most deserving. */
export const PLACES = PRIORITIES.length * COHORTS;

const MAX_GROWTH = 2;

/**
 * The admission level of DAGOR (Zhou et al., SoCC 2018): requests have places by priority and cohort, and those below the
 * level are admitted. At the end of each window the level moves so that of the load just seen a little less, or a little
 * more, would have been admitted; the histogram of places says which level that is.
 */
export class AdmissionLevel {
  readonly #options: ResolvedShedderOptions;
  /** Target of the average wait, ms: that of ordinary work. */
  readonly #targetMs: number;
  readonly #places = new Uint32Array(PLACES);
  #level = PLACES;
  #offered = 0;
  #admitted = 0;
  #delaySumMs = 0;
  #endsMs = 0;
  #goodWindows = 0;

  constructor(options: ResolvedShedderOptions) {
    this.#options = options;
    this.#targetMs = options.targets.normal;
  }

  /** Requests with a place below this are admitted; 640: all. */
  get level(): number {
    return this.#level;
  }

  /** Counts a request; true when that ended a window and the level may have changed. */
  offer(place: number, admitted: boolean, delayMs: number, nowMs: number): boolean {
    this.#places[place]!++;
    this.#offered++;
    if (admitted) this.#admitted++;
    this.#delaySumMs += delayMs;
    if (nowMs < this.#endsMs && this.#offered < this.#options.windowRequests) return false;
    this.#turnWindow(nowMs);
    return true;
  }

  #turnWindow(nowMs: number): void {
    const delayMs = this.#delaySumMs / this.#offered;
    if (delayMs > this.#targetMs) this.#lower(delayMs);
    else if (this.#level < PLACES) this.#raise();
    this.#places.fill(0);
    this.#offered = this.#admitted = this.#delaySumMs = 0;
    this.#endsMs = nowMs + this.#options.window;
  }

  #lower(delayMs: number): void {
    this.#goodWindows = 0;
    const shrink = Math.min(0.5, (this.#options.decrease * delayMs) / this.#targetMs);
    this.#level = Math.max(this.#floor(delayMs), this.#levelAdmitting(this.#admitted * (1 - shrink)));
  }

  #raise(): void {
    const growth = Math.min(MAX_GROWTH, 1 + this.#options.increase * 2 ** this.#goodWindows++);
    const wanted = Math.max(this.#admitted + 1, this.#admitted * growth);
    this.#level =
      wanted >= this.#offered ? Math.min(PLACES, this.#level + COHORTS / 8) : Math.max(this.#level, this.#levelAdmitting(wanted));
  }

  /** Priorities whose own target is not exceeded are admitted whole. */
  #floor(delayMs: number): number {
    const { targets } = this.#options;
    const spared = PRIORITIES.filter((priority) => delayMs <= targets[priority]).length;
    return spared * COHORTS;
  }

  /** The highest level that would have admitted at most `wanted` of the requests in the window. */
  #levelAdmitting(wanted: number): number {
    let sum = 0;
    for (let place = 0; place < PLACES; place++) {
      sum += this.#places[place]!;
      if (sum > wanted) return place;
    }
    return PLACES;
  }
}

/**
 * The cohort of a user: the same for an hour, another one the next, so that whoever is refused is not refused for ever.
 * Tiers divide the cohorts between them, the most deserving first.
 */
export function cohortOf(user: string, hour: number, tierIndex: number, tierCount: number): number {
  let hash = 0x811c9dc5 ^ hour;
  for (let i = 0; i < user.length; i++) hash = Math.imul(hash ^ user.charCodeAt(i), 0x01000193);
  hash ^= hash >>> 15;
  return cohortAt((hash >>> 0) / 2 ** 32, tierIndex, tierCount);
}

/** The cohort at a share (0 … 1) of a tier's band. */
export function cohortAt(share: number, tierIndex: number, tierCount: number): number {
  const bands = Math.max(1, tierCount);
  return Math.floor(((tierIndex + share) * COHORTS) / bands);
}
