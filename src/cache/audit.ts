import type { Clock, Counter, Random } from '../kernel/index.ts';
import type { CachedEntry } from './cached-entry.ts';
import type { Proof } from './proof.ts';
import type { StoreGuard } from './store-guard.ts';
import type { Tiers } from './tiers.ts';

const SAMPLE = 20;

export interface AuditDependencies {
  readonly clock: Clock;
  readonly random: Random;
  readonly tiers: Tiers<unknown>;
  readonly proof: Proof;
  readonly store: StoreGuard;
  readonly maxStalenessMs: number;
  readonly violations: Counter;
}

/**
 * Holds memory to its promise: some entries are compared with the store. One that the store has lost or replaced must
 * not be served any more once `maxStaleness` has passed; where it would be, that is counted, and mended.
 */
export class Audit {
  readonly #with: AuditDependencies;

  constructor(dependencies: AuditDependencies) {
    this.#with = dependencies;
  }

  async run(): Promise<void> {
    const { tiers, random, store } = this.#with;
    if (!store.available) return;
    await Promise.all(tiers.sample(random, SAMPLE).map((entry) => this.#check(entry).catch(() => {})));
  }

  async #check(entry: CachedEntry<unknown>): Promise<void> {
    const { store, clock, maxStalenessMs } = this.#with;
    const stored = await store.get(entry.key);
    if (stored?.storedMs === entry.storedMs) return;
    clock.setTimer(() => this.#isGone(entry), maxStalenessMs + 1);
  }

  #isGone(entry: CachedEntry<unknown>): void {
    const { tiers, clock, proof, violations } = this.#with;
    const served = tiers.memory.look(entry.key) === entry && entry.usableUntilMs > clock.now() && proof.holds(entry);
    if (!served) return;
    violations.inc();
    tiers.memory.delete(entry);
  }
}
