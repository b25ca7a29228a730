import { randomInt, type Random } from '../../kernel/index.ts';
import type { Endpoint } from '../endpoint.ts';

/** Up to so many endpoints every one is looked at. */
const SCAN_ALL = 32;
/** Among more, the best of so many drawn at random: about a tenth worse, at a fixed price. */
const SAMPLE = 5;

/**
 * The endpoint with the least cost. It starts at a random place, so that equals share evenly. Among few endpoints a full
 * scan beats two random choices, whose tail is about twice as long.
 */
export function leastCost(candidates: readonly Endpoint[], random: Random, costOf: (endpoint: Endpoint) => number): Endpoint {
  const { length } = candidates;
  let at = randomInt(random, length);
  let best = candidates[at]!;
  let least = costOf(best);
  for (let looked = 1; looked < (length <= SCAN_ALL ? length : SAMPLE); looked++) {
    at = length <= SCAN_ALL ? (at + 1) % length : randomInt(random, length);
    const candidate = candidates[at]!;
    const cost = costOf(candidate);
    if (cost < least) [best, least] = [candidate, cost];
  }
  return best;
}
