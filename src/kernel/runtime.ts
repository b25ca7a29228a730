import { systemClock, type Clock } from './clock.ts';
import { Metrics } from './metrics.ts';
import { systemRandom, type Random } from './random.ts';

/** What every room is handed beside its options: time, chance, and where to count. */
export interface Runtime {
  readonly clock: Clock;
  readonly random: Random;
  readonly metrics: Metrics;
}

/** `given`, completed with the machine's clock and randomness and a registry of its own. */
export function runtimeFrom(given: Partial<Runtime> = {}): Runtime {
  return { clock: given.clock ?? systemClock, random: given.random ?? systemRandom, metrics: given.metrics ?? new Metrics() };
}
