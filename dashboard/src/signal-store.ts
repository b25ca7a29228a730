import type { HistorySlice } from '../../src/health/history.ts';
import { getJson } from './connection.ts';

/** How far back the charts look. */
export const RANGES = { '15 min': 900_000, '6 h': 21_600_000, '7 d': 604_800_000 } as const;
export type RangeName = keyof typeof RANGES;

const LEAST_SHOWN_MS = 60_000;

/** Of this machine, or of all that keep their history in the same Redis. */
export type Scope = 'machine' | 'fleet';

/** Signals through time as the charts draw them: one column of seconds, one of values per signal. */
export class SignalStore {
  range: RangeName = '15 min';
  scope: Scope = 'machine';
  /** How many machines there are; known once it was asked for. */
  machines = 1;
  #signals: readonly string[];
  #stepMs = 1000;
  #times: number[] = [];
  #columns = new Map<string, (number | null)[]>();

  constructor(signals: readonly string[]) {
    this.#signals = signals;
  }

  get times(): readonly number[] {
    return this.#times;
  }

  /** How much of the range the charts show: all of it, or as much as is known when that is less. */
  get shownMs(): number {
    const first = this.#times.find((_, at) => this.#signals.some((signal) => this.#columns.get(signal)?.[at] != null));
    const knownMs = first === undefined ? 0 : ((this.#times.at(-1) ?? first) - first) * 1000;
    const wholeMs = RANGES[this.range];
    return knownMs > 0.97 * wholeMs ? wholeMs : Math.max(LEAST_SHOWN_MS, knownMs);
  }

  column(signal: string): readonly (number | null)[] {
    return this.#columns.get(signal) ?? [];
  }

  /** Looks once how many machines there are. */
  async countMachines(): Promise<void> {
    const { machines } = await getJson<{ machines: number }>(
      `api/history?signals=http.rate&of=fleet&from=${Date.now() - 60_000}`,
    );
    this.machines = machines;
  }

  /** Fetches the whole range. */
  async load(): Promise<void> {
    const nowMs = Date.now();
    const fromMs = nowMs - RANGES[this.range];
    const query = `api/history?signals=${this.#signals.join(',')}&from=${fromMs}`;
    const slice = await getJson<HistorySlice & { machines?: number }>(this.scope === 'fleet' ? `${query}&of=fleet` : query);
    this.machines = slice.machines ?? this.machines;
    this.#stepMs = slice.stepMs;
    const length = slice.series[this.#signals[0]!]?.length ?? 0;
    this.#times = Array.from({ length }, (_, at) => (slice.fromMs + at * slice.stepMs) / 1000);
    this.#columns = new Map(this.#signals.map((signal) => [signal, [...(slice.series[signal] ?? [])]]));
  }

  /** Adds the newest second; coarser ranges wait for their next load. */
  append(atMs: number, values: Readonly<Record<string, number>>): void {
    if (this.#stepMs !== 1000) return;
    const second = Math.floor(atMs / 1000);
    const last = this.#times.at(-1);
    if (last !== undefined && second <= last) return;
    for (let at = Math.max(last === undefined ? second : last + 1, second - 900); at <= second; at++) {
      this.#times.push(at);
      for (const signal of this.#signals) this.#columnOf(signal).push(at === second ? (values[signal] ?? null) : null);
    }
    const extra = this.#times.length - 900;
    if (extra <= 0) return;
    this.#times.splice(0, extra);
    for (const column of this.#columns.values()) column.splice(0, extra);
  }

  #columnOf(signal: string): (number | null)[] {
    let column = this.#columns.get(signal);
    if (!column) this.#columns.set(signal, (column = []));
    return column;
  }
}
