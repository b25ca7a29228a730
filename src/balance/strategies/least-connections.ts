import type { Random } from '../../kernel/index.ts';
import type { Endpoint } from '../endpoint.ts';
import { leastCost } from './least-cost.ts';
import type { Fleet, PickContext, Strategy } from './strategy.ts';

/** The endpoint with the fewest requests in flight for its weight. */
export class LeastConnections implements Strategy {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  choose(candidates: readonly Endpoint[], _context: PickContext, fleet: Fleet): Endpoint {
    return leastCost(candidates, this.#random, (endpoint) => (endpoint.inFlight + 1) / fleet.weightOf(endpoint));
  }
}
