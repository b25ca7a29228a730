import { PRIORITIES } from '../policy/index.ts';
import type { ResolvedShedderOptions } from './options.ts';

/** Cohorts within a priority. */
export const COHORTS = 128;
/** Places in all: a request's place is its priority's index × 128 + its cohort; 0 is the most deserving. */
export const PLACES = PRIORITIES.length * COHORTS;

const MAX_GROWTH = 2;
/** A window in which more than this share waited too long is an overloaded one. */
const OVERLOADED_SHARE = 0.1;

/**
 * An admission level as DAGOR has it (Zhou et al., SoCC 2018): requests have places by priority and cohort, and those
 * below the level are admitted. When requests were refused because they had waited too long, the level falls, so that next
 * time the same few users are refused instead of whoever comes at the wrong moment; in windows without, it rises. The
 * histogram of places says which level admits how much of the load just seen.
 */
export class AdmissionLevel {
  readonly #options: ResolvedShedderOptions;
  readonly #places = new Uint32Array(PLACES);
  /** Requests per priority that had waited too long. */
  readonly #late = new Uint32Array(PRIORITIES.length);
  #level = PLACES;
  #offered = 0;
  #admitted = 0;
  #endsMs = 0;
  #goodWindows = 0;

  constructor(options: ResolvedShedderOptions) {
    this.#options = options;
  }

  /** Requests with a place below this are admitted; 640: all. */
  get level(): number {
    return this.#level;
  }

  /**
   * Counts a request; true when that ended a window and the level may have changed.
   * @param late whether it had waited too long for its priority.
   */
  offer(place: number, admitted: boolean, late: boolean, nowMs: number): boolean {
    this.#places[place]!++;
    this.#offered++;
    if (admitted) this.#admitted++;
    if (late) this.#late[Math.floor(place / COHORTS)]!++;
    if (nowMs < this.#endsMs && this.#offered < this.#options.windowRequests) return false;
    this.#turnWindow(nowMs);
    return true;
  }

  #turnWindow(nowMs: number): void {
    const late = this.#late.reduce((sum, count) => sum + count, 0);
    if (late > OVERLOADED_SHARE * this.#offered) this.#lower();
    else if (this.#level < PLACES && late === 0) this.#raise();
    this.#places.fill(0);
    this.#late.fill(0);
    this.#offered = this.#admitted = 0;
    this.#endsMs = nowMs + this.#options.window;
  }

  #lower(): void {
    this.#goodWindows = 0;
    const wanted = this.#levelAdmitting(this.#admitted * (1 - this.#options.decrease));
    // Priorities of which none waited too long are admitted whole.
    const spared = this.#late.findIndex((count) => count > 0) * COHORTS;
    this.#level = Math.max(spared, Math.min(this.#level, wanted));
  }

  #raise(): void {
    const growth = Math.min(MAX_GROWTH, 1 + this.#options.increase * 2 ** this.#goodWindows++);
    const wanted = Math.max(this.#admitted + 1, this.#admitted * growth);
    this.#level =
      wanted >= this.#offered ? Math.min(PLACES, this.#level + COHORTS / 8) : Math.max(this.#level, this.#levelAdmitting(wanted));
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
