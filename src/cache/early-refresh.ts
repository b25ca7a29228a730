import type { Random } from '../kernel/index.ts';

/** Chance of −ln(random) to exceed this: 1 in 22,000. */
const FARTHEST = 10;

/**
 * XFetch (Vattani et al., "Optimal probabilistic cache stampede prevention", VLDB'15): a value is loaded anew before it
 * expires, with a chance that grows as the end comes near, and sooner the longer its load takes. So values expire under
 * nobody's eyes, and not all at once.
 */
export class EarlyRefresh {
  readonly #random: Random;
  readonly #beta: number;

  /** @param beta 1 is optimal for the mean; more refreshes sooner; 0 never. */
  constructor(random: Random, beta: number) {
    this.#random = random;
    this.#beta = beta;
  }

  /** How long before its end a refresh may come, ms. */
  windowMs(loadMs: number): number {
    return loadMs * this.#beta * FARTHEST;
  }

  isDue(leftMs: number, loadMs: number): boolean {
    const spreadMs = loadMs * this.#beta;
    if (leftMs > this.windowMs(loadMs)) return false;
    return leftMs <= -Math.log(1 - this.#random.next()) * spreadMs;
  }
}
