import { rollupOf } from './signals.ts';

/** One step length of the history and how much of it is kept. */
export interface Tier {
  readonly stepMs: number;
  readonly points: number;
}

/** 1 s for 15 minutes, 10 s for 6 hours, 1 minute for 7 days. */
export const TIERS: readonly [Tier, Tier, Tier] = [
  { stepMs: 1000, points: 900 },
  { stepMs: 10_000, points: 2160 },
  { stepMs: 60_000, points: 10_080 },
];

/** One moment of every signal, as it is saved and loaded. `atMs` is the start of its step. */
export interface HistoryRow {
  readonly stepMs: number;
  readonly atMs: number;
  readonly values: ReadonlyMap<string, number>;
}

/** What a reader gets: value `i` covers the step that begins at `fromMs + i × stepMs`; null where nothing is known. */
export interface HistorySlice {
  readonly stepMs: number;
  readonly fromMs: number;
  readonly series: Readonly<Record<string, readonly (number | null)[]>>;
}

/**
 * Signals through time, in memory of a fixed size: one ring of 32-bit floats a signal and tier, 53 kB a signal. At most
 * `maxSignals` are kept; those that come later are refused and counted.
 */
export class History {
  readonly #maxSignals: number;
  readonly #signals = new Map<string, readonly Float32Array[]>();
  readonly #lastStep = TIERS.map(() => -1);
  #refused = 0;

  constructor(maxSignals = 512) {
    this.#maxSignals = maxSignals;
  }

  get signals(): Iterable<string> {
    return this.#signals.keys();
  }

  /** Values of signals beyond the bound, not kept. */
  get refused(): number {
    return this.#refused;
  }

  get bytes(): number {
    return this.#signals.size * TIERS.reduce((sum, tier) => sum + tier.points * 4, 0);
  }

  /** Writes one step of a tier. Steps may come late or with gaps; a gap stays unknown. */
  write(row: HistoryRow): void {
    const tier = TIERS.findIndex(({ stepMs }) => stepMs === row.stepMs);
    const step = Math.floor(row.atMs / row.stepMs);
    this.#forgetBetween(tier, step);
    for (const [signal, value] of row.values) {
      const ring = this.#ringsOf(signal)?.[tier];
      if (ring) ring[step % ring.length] = value;
    }
  }

  /** Signals of one step made of the finer steps within it: the mean, or the worst, of those known. */
  summarise(tier: 1 | 2, atMs: number): Map<string, number> {
    const { stepMs } = TIERS[tier];
    const finer = TIERS[tier - 1]!;
    const firstStep = Math.floor(atMs / finer.stepMs);
    const values = new Map<string, number>();
    for (const [signal, rings] of this.#signals) {
      const ring = rings[tier - 1]!;
      let [sum, max, known] = [0, -Infinity, 0];
      for (let step = firstStep; step < firstStep + stepMs / finer.stepMs; step++) {
        const value = ring[step % ring.length]!;
        if (Number.isNaN(value)) continue;
        sum += value;
        max = Math.max(max, value);
        known++;
      }
      if (known > 0) values.set(signal, rollupOf(signal) === 'max' ? max : sum / known);
    }
    return values;
  }

  /** One step of all signals, as it was written. */
  row(tier: 0 | 1 | 2, atMs: number): HistoryRow {
    const { stepMs } = TIERS[tier];
    const step = Math.floor(atMs / stepMs);
    const values = new Map<string, number>();
    for (const [signal, rings] of this.#signals) {
      const value = rings[tier]![step % rings[tier]!.length]!;
      if (!Number.isNaN(value)) values.set(signal, value);
    }
    return { stepMs, atMs: step * stepMs, values };
  }

  /** The mean of the last `seconds` known seconds of a signal up to `nowMs`; undefined when none is known. */
  recent(signal: string, seconds: number, nowMs: number): number | undefined {
    const ring = this.#signals.get(signal)?.[0];
    if (!ring) return undefined;
    const last = Math.min(Math.floor(nowMs / 1000), this.#lastStep[0]!);
    let [sum, known] = [0, 0];
    for (let step = Math.max(0, last - seconds + 1); step <= last; step++) {
      const value = ring[step % ring.length]!;
      if (Number.isNaN(value)) continue;
      sum += value;
      known++;
    }
    return known === 0 ? undefined : sum / known;
  }

  /** The finest tier that reaches back to `fromMs`, cut to [fromMs, toMs]. */
  slice(signals: readonly string[], fromMs: number, toMs: number, wantedStepMs = 0): HistorySlice {
    const at = TIERS.findIndex(({ stepMs, points }) => stepMs >= wantedStepMs && toMs - fromMs <= stepMs * (points + 1));
    const tier = at === -1 ? TIERS.length - 1 : at;
    const { stepMs, points } = TIERS[tier]!;
    const last = Math.min(Math.floor(toMs / stepMs), Math.max(0, this.#lastStep[tier]!));
    const first = Math.max(Math.floor(fromMs / stepMs), last - points + 1);
    const series: Record<string, (number | null)[]> = {};
    for (const signal of signals) {
      const ring = this.#signals.get(signal)?.[tier];
      const values: (number | null)[] = [];
      for (let step = first; step <= last; step++) {
        const value = ring?.[step % ring.length] ?? NaN;
        values.push(Number.isNaN(value) ? null : significant(value));
      }
      series[signal] = values;
    }
    return { stepMs, fromMs: first * stepMs, series };
  }

  #ringsOf(signal: string): readonly Float32Array[] | undefined {
    let rings = this.#signals.get(signal);
    if (rings) return rings;
    if (this.#signals.size >= this.#maxSignals) {
      this.#refused++;
      return undefined;
    }
    rings = TIERS.map(({ points }) => new Float32Array(points).fill(NaN));
    this.#signals.set(signal, rings);
    return rings;
  }

  /** The ring comes round: what stood in the places between the last step and this one is a week old, not this step's. */
  #forgetBetween(tier: number, step: number): void {
    const { points } = TIERS[tier]!;
    const last = this.#lastStep[tier]!;
    if (step <= last) return;
    const from = last === -1 ? step : Math.max(last + 1, step - points + 1);
    for (const rings of this.#signals.values()) for (let at = from; at <= step; at++) rings[tier]![at % points] = NaN;
    this.#lastStep[tier] = step;
  }
}

/** Four significant digits: all that a 32-bit mean of a second can claim, and short in JSON. */
function significant(value: number): number {
  return Number(value.toPrecision(4));
}
