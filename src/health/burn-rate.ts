import type { Objective } from './objectives.ts';

/** Two windows that must both burn: the long one for weight, the short one so that it ends soon after the trouble does. */
export interface BurnWindows {
  readonly severity: 'page' | 'ticket';
  /** Share of the whole budget that is gone when the long window has burnt at the limit throughout. */
  readonly budgetShare: number;
  readonly longS: number;
  readonly shortS: number;
}

/** Google's SRE workbook, chapter 5, table 5-8, with the 1-day window in place of a second 3-day one. */
export const BURN_WINDOWS: readonly BurnWindows[] = [
  { severity: 'page', budgetShare: 0.02, longS: 3600, shortS: 300 },
  { severity: 'page', budgetShare: 0.05, longS: 21_600, shortS: 1800 },
  { severity: 'ticket', budgetShare: 0.1, longS: 86_400, shortS: 7200 },
  { severity: 'ticket', budgetShare: 0.1, longS: 259_200, shortS: 21_600 },
];

/** Fewer bad requests than this in the long window are no trend. */
export const LEAST_BAD = 10;

/** How fast the budget may burn, as a multiple of the pace that uses it up exactly at the end of the window. */
export function burnLimit(windows: BurnWindows, sloWindowS: number): number {
  return (windows.budgetShare * sloWindowS) / windows.longS;
}

const SLOT_S = 10;
const SLOTS = 259_200 / SLOT_S;
const WINDOWS_S = [300, 1800, 3600, 7200, 21_600, 86_400, 259_200] as const;

interface WindowSum {
  readonly slots: number;
  bad: number;
  total: number;
}

/** One objective's burn at one moment. */
export interface Burn {
  readonly severity: 'page' | 'ticket';
  readonly windows: BurnWindows;
  /** Multiple of the sustainable pace, over the long and the short window. */
  readonly long: number;
  readonly short: number;
  readonly limit: number;
}

export interface Budget {
  /** Requests counted in the window. */
  readonly total: number;
  /** Share left; below 0 when more was spent than there was. */
  readonly left: number;
  /** Multiple of the pace that uses the budget up exactly at the end of the window. */
  readonly burn1h: number;
  readonly burn6h: number;
  /** At the pace of the last hour; null: not before the window ends. */
  readonly exhaustedInMs: number | null;
}

/** Bad and all requests of one objective, in slots of 10 s over 3 days and hours over its whole window. */
export class BurnCount {
  readonly objective: Objective;
  readonly #sloWindowS: number;
  readonly #bad = new Float32Array(SLOTS);
  readonly #total = new Float32Array(SLOTS);
  readonly #sums: readonly WindowSum[] = WINDOWS_S.map((seconds) => ({ slots: seconds / SLOT_S, bad: 0, total: 0 }));
  readonly #hours = new Map<number, { bad: number; total: number }>();
  #slot = 0;
  /** When the first request counted was. */
  #firstMs = Infinity;

  constructor(objective: Objective, sloWindowS: number) {
    this.objective = objective;
    this.#sloWindowS = sloWindowS;
  }

  /** Counts requests into the running slot. */
  add(bad: number, total: number, nowMs: number): void {
    this.#bad[this.#slot]! += bad;
    this.#total[this.#slot]! += total;
    for (const sum of this.#sums) {
      sum.bad += bad;
      sum.total += total;
    }
    const hour = Math.floor(nowMs / 3_600_000);
    this.#firstMs = Math.min(this.#firstMs, nowMs);
    const counted = this.#hours.get(hour) ?? { bad: 0, total: 0 };
    this.#hours.set(hour, { bad: counted.bad + bad, total: counted.total + total });
  }

  /** Ends the running slot of 10 s; what has left a window leaves its sum. */
  endSlot(): void {
    this.#slot = (this.#slot + 1) % SLOTS;
    for (const sum of this.#sums) {
      const leaving = (this.#slot - sum.slots + SLOTS) % SLOTS;
      sum.bad -= this.#bad[leaving]!;
      sum.total -= this.#total[leaving]!;
    }
    this.#bad[this.#slot] = this.#total[this.#slot] = 0;
  }

  /** Takes back what an earlier run counted in an hour; its requests are spread evenly over the hour. */
  restoreHour(hour: number, bad: number, total: number, nowMs: number): void {
    const counted = this.#hours.get(hour) ?? { bad: 0, total: 0 };
    this.#hours.set(hour, { bad: counted.bad + bad, total: counted.total + total });
    this.#firstMs = Math.min(this.#firstMs, hour * 3_600_000);
    const slots = 3600 / SLOT_S;
    for (let at = 0; at < slots; at++) {
      const ageMs = nowMs - (hour * 3600 + at * SLOT_S) * 1000;
      const back = Math.floor(ageMs / 1000 / SLOT_S);
      if (back < 1 || back >= SLOTS) continue;
      const slot = (this.#slot - back + SLOTS) % SLOTS;
      this.#bad[slot]! += bad / slots;
      this.#total[slot]! += total / slots;
      for (const sum of this.#sums) {
        if (back >= sum.slots) continue;
        sum.bad += bad / slots;
        sum.total += total / slots;
      }
    }
  }

  /** Hours with what was counted in them, for keeping. */
  hour(hour: number): { readonly bad: number; readonly total: number } | undefined {
    return this.#hours.get(hour);
  }

  /** Share of bad requests in the last `seconds` (one of the windows); NaN without requests. */
  badShare(seconds: number): number {
    const sum = this.#sum(seconds);
    return sum.total > 0 ? sum.bad / sum.total : NaN;
  }

  /** The window pairs that burn too fast now. */
  burns(): Burn[] {
    const budget = 1 - this.objective.goal;
    return BURN_WINDOWS.flatMap((windows) => {
      const limit = burnLimit(windows, this.#sloWindowS);
      const long = this.badShare(windows.longS) / budget;
      const short = this.badShare(windows.shortS) / budget;
      const enough = this.#sum(windows.longS).bad >= LEAST_BAD;
      return enough && long > limit && short > limit ? [{ severity: windows.severity, windows, long, short, limit }] : [];
    });
  }

  /**
   * The budget over the objective's window: what is left of it, and when it is gone at the pace of the last hour. What
   * was before the first request known counts as the same traffic without a fault: a new service begins with a full budget.
   */
  budget(nowMs: number): Budget {
    const oldest = Math.floor(nowMs / 3_600_000) - this.#sloWindowS / 3600;
    let [bad, total] = [0, 0];
    for (const [hour, counted] of this.#hours) {
      if (hour <= oldest) this.#hours.delete(hour);
      else [bad, total] = [bad + counted.bad, total + counted.total];
    }
    const allowed = 1 - this.objective.goal;
    const known = Math.min(1, Math.max(SLOT_S, (nowMs - this.#firstMs) / 1000) / this.#sloWindowS);
    const left = total === 0 ? 1 : 1 - (bad / total / allowed) * known;
    const burn1h = (this.badShare(3600) || 0) / allowed;
    const burn6h = (this.badShare(21_600) || 0) / allowed;
    const exhaustedInMs = burn1h > 1 && left > 0 ? (left * this.#sloWindowS * 1000) / burn1h : left <= 0 ? 0 : null;
    return { total, left, burn1h, burn6h, exhaustedInMs };
  }

  #sum(seconds: number): WindowSum {
    return this.#sums[WINDOWS_S.indexOf(seconds as (typeof WINDOWS_S)[number])]!;
  }
}
