import type { HistorySlice } from './history.ts';
import type { MachineHistory } from './history-store.ts';

/** History of all machines together. */
export interface FleetSlice extends HistorySlice {
  /** How many machines it is made of, this one included. */
  readonly machines: number;
}

/** Adds what other machines kept to a slice of one's own. */
export function mergeMachines(own: HistorySlice, others: readonly MachineHistory[]): FleetSlice {
  const series: Record<string, readonly (number | null)[]> = {};
  for (const [signal, values] of Object.entries(own.series)) {
    const known = values.map((value) => (value === null ? [] : [value]));
    for (const { rows } of others) {
      for (const { atMs, values: row } of rows) {
        const value = row.get(signal);
        if (value !== undefined) known[Math.round((atMs - own.fromMs) / own.stepMs)]?.push(value);
      }
    }
    const merge = mergeOf(signal);
    series[signal] = known.map((all) => (all.length === 0 ? null : merge(all)));
  }
  return { ...own, series, machines: others.length + 1 };
}

type Merge = (values: readonly number[]) => number;

const sum: Merge = (values) => values.reduce((all, value) => all + value, 0);
const worst: Merge = (values) => Math.max(...values);
const best: Merge = (values) => Math.min(...values);
const mean: Merge = (values) => sum(values) / values.length;

/** Rates and amounts add up; of times and shares the worst machine's is told, since percentiles do not average. */
function mergeOf(signal: string): Merge {
  if (signal.endsWith('.best')) return best;
  if (signal.endsWith('.mean')) return mean;
  return /\.(?:p\d+|worst|delay|share)$/.test(signal) ? worst : sum;
}
