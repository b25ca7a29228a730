import type { StoredLimit, StoredState } from '../ports/index.ts';

const MAX_KEYS = 10_000;

/** A refusal of the shared store that stands for a while. */
export interface CachedRefusal {
  /** Until when at least `cost` units cannot succeed, monotonic ms. */
  readonly untilMs: number;
  readonly cost: number;
  /** What was asked for: a higher tier's limits may allow what these did not. */
  readonly limits: readonly StoredLimit[];
  readonly states: readonly StoredState[];
  readonly decidedMs: number;
}

/** Keys that cannot succeed for a while: asking the store again before that would only cost it time. */
export class RefusalCache {
  readonly #refusals = new Map<string, CachedRefusal>();

  /** The refusal that still holds for `cost` units of `key` under `limits`, if one does. */
  find(key: string, limits: readonly StoredLimit[], cost: number, nowMs: number): CachedRefusal | undefined {
    const refusal = this.#refusals.get(key);
    if (!refusal) return undefined;
    if (refusal.untilMs > nowMs) return cost >= refusal.cost && isNoHigher(limits, refusal.limits) ? refusal : undefined;
    this.#refusals.delete(key);
    return undefined;
  }

  add(key: string, refusal: CachedRefusal): void {
    this.#refusals.delete(key);
    if (this.#refusals.size >= MAX_KEYS) this.#refusals.delete(this.#refusals.keys().next().value!);
    this.#refusals.set(key, refusal);
  }

  delete(key: string): void {
    this.#refusals.delete(key);
  }
}

function isNoHigher(limits: readonly StoredLimit[], refused: readonly StoredLimit[]): boolean {
  return limits === refused || limits.every(({ limit }, i) => limit <= refused[i]!.limit);
}
