import { enterOperation } from './operation-entrant.ts';
import { enterServer, loadUnavailable } from './server-entrant.ts';
import type { Bench, Contender } from './bench.ts';
import type { Entrant, Slice } from './slice.ts';

/** One contender's figures over all rounds. */
export interface Standing {
  readonly contender: string;
  /** CPU time per operation, µs: median, least and most over the rounds. */
  readonly cpuUs: Spread;
  /** CPU time per operation ÷ the baseline's in the same round. */
  readonly cpuRatio: Spread;
  readonly operationsPerSecond: Spread;
  readonly figures: Readonly<Record<string, number>>;
}

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export interface Comparison {
  readonly bench: string;
  readonly title: string;
  readonly what: string;
  readonly unit: string;
  readonly baseline: string;
  readonly rounds: number;
  readonly standings: readonly Standing[];
  /** Contenders that could not take part, and why. */
  readonly absent: Readonly<Record<string, string>>;
}

/**
 * Runs every contender in every round, one at a time, in an order that turns by one each round: what the machine does to
 * a round it does to all of them, and the ratio within the round is what counts.
 */
export async function compare(bench: Bench, file: string, rounds = bench.rounds ?? 7): Promise<Comparison> {
  const sliceMs = bench.sliceMs ?? 1000;
  const absent: Record<string, string> = {};
  const entrants = new Map<string, Entrant>();
  const slices = new Map<string, Slice[]>();
  try {
    for (const [name, contender] of Object.entries(bench.contenders)) {
      const reason = unavailable(contender);
      if (reason) absent[name] = reason;
      else
        entrants.set(
          name,
          contender.kind === 'server' ? await enterServer(contender, sliceMs) : await enterOperation(file, name),
        );
      slices.set(name, []);
    }
    const order = [...entrants.keys()];
    for (let round = 0; round < rounds; round++) {
      for (const name of order) slices.get(name)!.push(await entrants.get(name)!.work());
      order.push(order.shift()!);
    }
  } finally {
    for (const entrant of entrants.values()) await entrant.close();
  }
  const baseline = slices.get(bench.baseline)!;
  const standings = [...entrants.keys()].map((name) => standingOf(name, slices.get(name)!, baseline));
  return {
    bench: bench.name,
    title: bench.title,
    what: bench.what,
    unit: bench.unit,
    baseline: bench.baseline,
    rounds,
    standings,
    absent,
  };
}

function unavailable(contender: Contender): string | undefined {
  return contender.kind === 'server' ? (contender.unavailable?.() ?? loadUnavailable()) : undefined;
}

function standingOf(contender: string, slices: readonly Slice[], baseline: readonly Slice[]): Standing {
  const cpuUs = slices.map((slice) => (slice.cpuMs * 1000) / slice.operations);
  const baseUs = baseline.map((slice) => (slice.cpuMs * 1000) / slice.operations);
  const names = Object.keys(slices[0]?.figures ?? {});
  return {
    contender,
    cpuUs: spread(cpuUs),
    cpuRatio: spread(cpuUs.map((value, round) => value / baseUs[round]!)),
    operationsPerSecond: spread(slices.map((slice) => (slice.operations * 1000) / slice.wallMs)),
    figures: Object.fromEntries(names.map((name) => [name, spread(slices.map((slice) => slice.figures[name]!)).median])),
  };
}

export function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >>> 1;
  const median = sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
  return { median, min: sorted[0]!, max: sorted.at(-1)! };
}
