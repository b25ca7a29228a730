import type { CounterStore, CountGroup } from '../ports/index.ts';

const MAX_KEYS = 10_000;
const AT_ONCE = 200;

interface Debt {
  readonly group: CountGroup;
  cost: number;
  sinceMs: number;
}

/**
 * What was let through while the store was away. It is counted there before the store decides again, so that a window
 * that spans the outage does not hold the limit twice.
 */
export class Debts {
  #owed = new Map<string, Debt>();

  add(groups: readonly CountGroup[], cost: number, nowMs: number): void {
    for (const group of groups) {
      const debt = this.#owed.get(group.key);
      if (debt) debt.cost += cost;
      else if (this.#owed.size < MAX_KEYS) this.#owed.set(group.key, { group, cost, sinceMs: nowMs });
    }
  }

  /** Takes units off that were given back meanwhile. */
  reduce(groups: readonly CountGroup[], cost: number): void {
    for (const group of groups) {
      const debt = this.#owed.get(group.key);
      if (debt) debt.cost = Math.max(0, debt.cost - cost);
    }
  }

  /** Counts every debt younger than its longest window. What cannot be counted now is forgotten. */
  async settle(store: CounterStore, nowMs: number): Promise<void> {
    const debts = [...this.#owed.values()].filter(
      ({ group, cost, sinceMs }) => cost > 0 && nowMs - sinceMs < Math.max(...group.limits.map((limit) => limit.windowMs)),
    );
    this.#owed = new Map();
    for (let at = 0; at < debts.length; at += AT_ONCE) {
      await Promise.allSettled(
        debts
          .slice(at, at + AT_ONCE)
          .map(({ group, cost }) => store.take({ groups: [group], cost, atLeast: 0, leaseMs: 0, force: true })),
      );
    }
  }
}
