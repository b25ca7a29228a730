import type { Random } from '../kernel/index.ts';
import type { CachedEntry } from './cached-entry.ts';

/** Chance of −ln(random) to exceed this: 1 in 22,000. */
const FARTHEST = 10;
/** The share of its TTL that a value may lose beyond the time its load takes. */
const MOST_SHARE = 0.05;

type Times = Pick<CachedEntry<unknown>, 'storedMs' | 'freshUntilMs' | 'loadMs'>;

/**
 * XFetch (Vattani et al., "Optimal probabilistic cache stampede prevention", VLDB'15): a value is loaded anew before it
 * expires, with a chance that grows as the end comes near, and sooner the longer its load takes. So values expire under
 * nobody's eyes, and not all at once.
 *
 * XFetch draws by itself in every process, so many readers make it early. Leases have one of them load, which allows two
 * bounds: once a load begun later would end too late it is certain, and before that it loses at most a twentieth of the
 * TTL. However many read a key, its loads begin at least 0.95 TTL apart (with β = 1).
 */
export class EarlyRefresh {
  readonly #random: Random;
  readonly #beta: number;

  /** @param beta more refreshes sooner; 0 never. */
  constructor(random: Random, beta: number) {
    this.#random = random;
    this.#beta = beta;
  }

  /** How long before its end a refresh may come, ms. */
  windowMs({ storedMs, freshUntilMs, loadMs }: Times): number {
    const ttlMs = Math.max(0, freshUntilMs - storedMs - loadMs);
    return this.#beta * Math.min(loadMs * FARTHEST, loadMs + ttlMs * MOST_SHARE);
  }

  isDue(entry: Times, nowMs: number): boolean {
    const leftMs = entry.freshUntilMs - nowMs;
    if (leftMs > this.windowMs(entry)) return false;
    const spreadMs = entry.loadMs * this.#beta;
    return leftMs <= spreadMs || leftMs <= -Math.log(1 - this.#random.next()) * spreadMs;
  }
}
