import { randomInt, type Random } from '../../kernel/index.ts';
import type { Endpoint } from '../endpoint.ts';
import type { Strategy } from './strategy.ts';

/**
 * The endpoint with the fewest requests in flight for its weight. It looks at every one, from a random start so that
 * equals share evenly: among few endpoints that beats two random choices, whose tail is twice as long.
 */
export class LeastConnections implements Strategy {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  choose(candidates: readonly Endpoint[]): Endpoint {
    const count = candidates.length;
    let at = randomInt(this.#random, count);
    let best = candidates[at]!;
    let least = (best.inFlight + 1) / best.weight;
    for (let step = 1; step < count; step++) {
      if (++at === count) at = 0;
      const candidate = candidates[at]!;
      const load = (candidate.inFlight + 1) / candidate.weight;
      if (load < least) [best, least] = [candidate, load];
    }
    return best;
  }
}
