import type { RegenerationJob, RegenerationResult } from './regeneration-queue.ts';
import type { RegenerationReason } from './schedule.ts';

/** One regeneration, for the list of the latest. */
export interface RegenerationRecord {
  readonly url: string;
  readonly reason: RegenerationReason;
  readonly result: RegenerationResult;
  readonly tookMs: number;
  readonly atMs: number;
}

/** What was made again, why, and what it cost, since this process started. */
export interface RegenerationAnalytics {
  readonly waiting: number;
  /** Pages that wait in other processes of the fleet, as they last told. */
  readonly waitingElsewhere: number;
  readonly running: number;
  readonly changed: number;
  readonly unchanged: number;
  readonly skipped: number;
  readonly failed: number;
  /** Pages all whose attempts failed. */
  readonly givenUp: number;
  /** Share of the successful ones that brought nothing new: a sign of too short an interval. */
  readonly unchangedShare: number;
  readonly meanMs: number;
  readonly byReason: Readonly<Partial<Record<RegenerationReason, number>>>;
  /** The latest, newest first. */
  readonly latest: readonly RegenerationRecord[];
}

const KEPT = 100;

export class AnalyticsLog {
  readonly #results: Record<RegenerationResult, number> = { changed: 0, unchanged: 0, skipped: 0, failed: 0 };
  readonly #byReason: Partial<Record<RegenerationReason, number>> = {};
  readonly #latest: RegenerationRecord[] = [];
  #totalMs = 0;
  givenUp = 0;

  record(job: RegenerationJob, result: RegenerationResult, tookMs: number, atMs: number): void {
    this.#results[result]++;
    if (result === 'changed' || result === 'unchanged') {
      this.#totalMs += tookMs;
      this.#byReason[job.reason] = (this.#byReason[job.reason] ?? 0) + 1;
    }
    this.#latest.unshift({ url: job.url, reason: job.reason, result, tookMs, atMs });
    if (this.#latest.length > KEPT) this.#latest.pop();
  }

  report(waiting: number, waitingElsewhere: number, running: number): RegenerationAnalytics {
    const made = this.#results.changed + this.#results.unchanged;
    return {
      waiting,
      waitingElsewhere,
      running,
      ...this.#results,
      givenUp: this.givenUp,
      unchangedShare: made === 0 ? 0 : this.#results.unchanged / made,
      meanMs: made === 0 ? 0 : this.#totalMs / made,
      byReason: { ...this.#byReason },
      latest: [...this.#latest],
    };
  }
}
