import { randomInt, type Random } from '../../kernel/index.ts';
import { hash32, mix32, type Endpoint } from '../endpoint.ts';
import type { Fleet, PickContext, Strategy } from './strategy.ts';

/** No endpoint takes more than this times its even share of what is in flight (Mirrokni, Thorup, Zadimoghaddam 2016). */
const BOUND = 1.25;

export interface ConsistentHashOptions {
  /** Go to the next choice when the first is over its bound. */
  readonly bounded: boolean;
}

/**
 * The same endpoint for the same key (weighted rendezvous hashing): when an endpoint comes or goes, only its own share of
 * the keys moves. Requests without a key go anywhere.
 */
export class ConsistentHash implements Strategy {
  readonly #random: Random;
  readonly #bounded: boolean;

  constructor(random: Random, { bounded }: ConsistentHashOptions) {
    this.#random = random;
    this.#bounded = bounded;
  }

  choose(candidates: readonly Endpoint[], { hashKey }: PickContext, fleet: Fleet): Endpoint {
    if (hashKey === undefined) return candidates[randomInt(this.#random, candidates.length)]!;
    const hash = hash32(hashKey);
    if (!this.#bounded) return highest(candidates, hash, fleet);
    const within = withinBound(candidates, fleet);
    return highest(within.length > 0 ? within : candidates, hash, fleet);
  }
}

function highest(candidates: readonly Endpoint[], hash: number, fleet: Fleet): Endpoint {
  let best = candidates[0]!;
  let most = -Infinity;
  for (const endpoint of candidates) {
    // Uniform in (0, 1); then −w / ln u is the largest with a chance in proportion to w.
    const uniform = (mix32(hash ^ endpoint.seed) + 0.5) / 2 ** 32;
    const score = -fleet.weightOf(endpoint) / Math.log(uniform);
    if (score > most) [best, most] = [endpoint, score];
  }
  return best;
}

function withinBound(candidates: readonly Endpoint[], fleet: Fleet): readonly Endpoint[] {
  let inFlight = 1;
  let weight = 0;
  for (const endpoint of candidates) {
    inFlight += endpoint.inFlight;
    weight += fleet.weightOf(endpoint);
  }
  const perWeight = (BOUND * inFlight) / weight;
  return candidates.filter((endpoint) => endpoint.inFlight + 1 <= Math.ceil(perWeight * fleet.weightOf(endpoint)));
}
