import type { Endpoint } from '../endpoint.ts';
import type { Strategy } from './strategy.ts';

/** Each in turn. */
export class RoundRobin implements Strategy {
  #next: number;

  /** @param start where to begin: workers that begin at different places do not hit the same endpoint together. */
  constructor(start: number) {
    this.#next = start;
  }

  choose(candidates: readonly Endpoint[]): Endpoint {
    this.#next = (this.#next + 1) % candidates.length;
    return candidates[this.#next]!;
  }
}
