import { PRIORITIES } from '../policy/index.ts';
import type { ResolvedShedderOptions } from './options.ts';

/** Cohorts within a priority. */
export const COHORTS = 128;
/** Places in all: a request's place is its priority's index × 128 + its cohort; 0 is the most deserving. */
export const PLACES = PRIORITIES.length * COHORTS;

/** A window in which more than this share waited too long is an overloaded one. */
const OVERLOADED_SHARE = 0.1;
/** While the level refuses work already, it falls on when more than this share had to wait noticeably: the queue stays. */
const CROWDED_SHARE = 0.5;
/** By so many places it rises at least when nobody had to wait. */
const CALM_STEP = COHORTS / 8;
/** The level admits this much of what the process can do; what comes to a loop that is hardly busy fills the rest. */
const AIM = 0.9;
/** Of what earlier windows have seen, this much is kept beside what the last one has: a window alone is a few turns long. */
const KEPT = 0.6;

/**
 * An admission level as DAGOR has it (Zhou et al., SoCC 2018): requests have places by priority and cohort, and those
 * below the level are admitted, so that the same few users are refused instead of whoever comes at the wrong moment. It falls
 * when requests were refused because they had waited too long. Where it should be follows from what the loop does: while
 * it was busy it got so much admitted work done, so in all the time there is it could do that much more; the histogram of
 * places says which level admits that. A loop that idles while requests are refused thus raises the level at once.
 */
export class AdmissionLevel {
  readonly #options: ResolvedShedderOptions;
  readonly #idleMs: () => number;
  readonly #places = new Float64Array(PLACES);
  /** Requests per priority that had waited too long. */
  readonly #late = new Uint32Array(PRIORITIES.length);
  #level = PLACES;
  #beganMs = 0;
  #idleAtBeginMs = 0;
  #offered = 0;
  #admitted = 0;
  #waited = 0;
  /** Sums over all windows, of which older ones count less and less; so do the places. */
  #admittedSum = 0;
  #elapsedSumMs = 0;
  #idleSumMs = 0;

  /** @param idleMs for how long the loop has waited for something to do, in all. */
  constructor(options: ResolvedShedderOptions, idleMs: () => number) {
    this.#options = options;
    this.#idleMs = idleMs;
  }

  /** Requests with a place below this are admitted; 640: all. */
  get level(): number {
    return this.#level;
  }

  /**
   * Counts a request; true when that ended a window and the level may have changed.
   * @param late whether it had waited too long for its priority.
   * @param waited whether it had waited noticeably.
   */
  offer(place: number, admitted: boolean, late: boolean, waited: boolean, nowMs: number): boolean {
    this.#places[place]!++;
    this.#offered++;
    if (admitted) this.#admitted++;
    if (waited) this.#waited++;
    if (late) this.#late[Math.floor(place / COHORTS)]!++;
    if (nowMs - this.#beganMs < this.#options.window) return false;
    this.#turnWindow(nowMs);
    return true;
  }

  #turnWindow(nowMs: number): void {
    const idleMs = this.#idleMs();
    this.#admittedSum += this.#admitted;
    this.#elapsedSumMs += nowMs - this.#beganMs;
    this.#idleSumMs += idleMs - this.#idleAtBeginMs;
    const late = this.#late.reduce((sum, count) => sum + count, 0);
    const overloaded = late > OVERLOADED_SHARE * this.#offered;
    if (overloaded || this.#level < PLACES) this.#level = this.#levelAfter(overloaded);
    this.#beginWindow(nowMs, idleMs);
  }

  #levelAfter(overloaded: boolean): number {
    const busyMs = Math.max(1, this.#elapsedSumMs - this.#idleSumMs);
    const fits = this.#levelAdmitting((AIM * this.#admittedSum * this.#elapsedSumMs) / busyMs);
    if (this.#waited === 0) return Math.min(PLACES, Math.max(fits, this.#level + CALM_STEP));
    if (fits > this.#level) return fits;
    // Priorities of which none waited too long are admitted whole.
    if (overloaded) return Math.max(this.#late.findIndex((count) => count > 0) * COHORTS, fits);
    // Nor does a queue that only stays cost more than the priority that is divided already.
    const crowded = this.#waited > CROWDED_SHARE * this.#offered;
    return crowded ? Math.max(Math.floor(this.#level / COHORTS) * COHORTS, fits) : this.#level;
  }

  #beginWindow(nowMs: number, idleMs: number): void {
    for (let place = 0; place < PLACES; place++) this.#places[place]! *= KEPT;
    this.#admittedSum *= KEPT;
    this.#elapsedSumMs *= KEPT;
    this.#idleSumMs *= KEPT;
    this.#late.fill(0);
    this.#offered = this.#admitted = this.#waited = 0;
    this.#beganMs = nowMs;
    this.#idleAtBeginMs = idleMs;
  }

  /** The highest level that would have admitted at most `wanted` of the requests seen. */
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
