import { TIMING_BUCKETS_MS } from '../kernel/index.ts';
import { BurnCount, type Burn } from './burn-rate.ts';
import type { FleetTotals } from './fleet.ts';
import type { Objective } from './objectives.ts';

/** What of one objective was counted in one hour, as it is saved. */
export interface HourCount {
  readonly objective: string;
  /** Hours since the epoch. */
  readonly hour: number;
  readonly bad: number;
  readonly total: number;
}

/** An objective whose budget burns too fast. */
export interface BurnFinding {
  readonly objective: Objective;
  readonly burn: Burn;
}

const SLOT_MS = 10_000;
/** After a gap longer than the longest window nothing of before is left. */
const LONGEST_GAP_SLOTS = 259_200_000 / SLOT_MS;

/** Keeps the books of all objectives: what each promised, what was good and what was bad. */
export class SloBook {
  readonly counts: readonly BurnCount[];
  #slot: number | undefined;
  #findings: readonly BurnFinding[] = [];

  constructor(objectives: readonly Objective[], windowMs: number) {
    this.counts = objectives.map((objective) => new BurnCount(objective, windowMs / 1000));
  }

  /** What burnt too fast when the last slot ended. */
  get findings(): readonly BurnFinding[] {
    return this.#findings;
  }

  /** Counts what the running interval added; where it ends a slot of 10 s, looks what burns. */
  take(fleet: FleetTotals, nowMs: number): void {
    for (const count of this.counts) {
      const { bad, total } = addedFor(count.objective, fleet);
      count.add(bad, total, nowMs);
    }
    const slot = Math.floor(nowMs / SLOT_MS);
    const ended = this.#slot === undefined ? 1 : Math.min(slot - this.#slot, LONGEST_GAP_SLOTS);
    this.#slot = slot;
    if (ended <= 0) return;
    this.#findings = this.counts.flatMap((count) => count.burns().map((burn) => ({ objective: count.objective, burn })));
    for (const count of this.counts) for (let at = 0; at < ended; at++) count.endSlot();
  }

  hourCounts(hour: number): HourCount[] {
    return this.counts.flatMap((count) => {
      const counted = count.hour(hour);
      return counted ? [{ objective: count.objective.name, hour, ...counted }] : [];
    });
  }

  restore(hours: Iterable<HourCount>, nowMs: number): void {
    const byName = new Map(this.counts.map((count) => [count.objective.name, count]));
    for (const { objective, hour, bad, total } of hours) byName.get(objective)?.restoreHour(hour, bad, total, nowMs);
  }
}

function addedFor({ className, belowMs }: Objective, fleet: FleetTotals): { bad: number; total: number } {
  let [bad, total] = [0, 0];
  if (belowMs === undefined) {
    for (const { labels, added } of fleet.family('spillway_http_requests')?.series.values() ?? []) {
      if (className !== undefined && labels['class'] !== className) continue;
      total += added;
      if (labels['status']?.startsWith('5')) bad += added;
    }
    return { bad, total };
  }
  const lastGood = TIMING_BUCKETS_MS.indexOf(belowMs as (typeof TIMING_BUCKETS_MS)[number]);
  for (const { labels, timing } of fleet.family('spillway_http_request_duration_seconds')?.series.values() ?? []) {
    if (className !== undefined && labels['class'] !== className) continue;
    total += timing!.addedCount;
    for (let bucket = lastGood + 1; bucket < timing!.addedBuckets.length; bucket++) bad += timing!.addedBuckets[bucket]!;
  }
  return { bad, total };
}
