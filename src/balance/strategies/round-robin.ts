import type { Endpoint } from '../endpoint.ts';
import type { Fleet, PickContext, Strategy } from './strategy.ts';

/**
 * Each in turn, by weight, evenly spread (nginx's smooth weighted round robin): every endpoint earns its weight at each
 * pick, the one with the most is picked and pays what all have earned.
 */
export class RoundRobin implements Strategy {
  readonly #weighted: boolean;

  /** @param weighted false: all endpoints count the same, apart from those that start slowly. */
  constructor(weighted: boolean) {
    this.#weighted = weighted;
  }

  choose(candidates: readonly Endpoint[], _context: PickContext, fleet: Fleet): Endpoint {
    let total = 0;
    let best = candidates[0]!;
    for (const endpoint of candidates) {
      const weight = this.#weighted ? fleet.weightOf(endpoint) : fleet.weightOf(endpoint) / endpoint.weight;
      total += weight;
      endpoint.credit += weight;
      if (endpoint.credit > best.credit) best = endpoint;
    }
    best.credit -= total;
    return best;
  }
}
