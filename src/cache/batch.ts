import type { Clock } from '../kernel/index.ts';

/** Loads several values at once, in the order of `keys`. */
export type BatchLoader<Value> = (keys: readonly string[]) => Promise<readonly Value[]> | readonly Value[];

const COLLECT_MS = 1;

/**
 * Collects the keys that turn out to need loading and loads them together. It waits a moment for those whose lease is
 * still being asked for, but not for those that another process is loading.
 */
export class Batch<Value> {
  readonly #clock: Clock;
  readonly #load: BatchLoader<Value>;
  #waiting: { readonly key: string; readonly resolve: (value: Value) => void; readonly reject: (error: unknown) => void }[] = [];

  constructor(clock: Clock, load: BatchLoader<Value>) {
    this.#clock = clock;
    this.#load = load;
  }

  request(key: string): Promise<Value> {
    return new Promise((resolve, reject) => {
      if (this.#waiting.push({ key, resolve, reject }) === 1) this.#clock.setTimer(() => void this.#flush(), COLLECT_MS);
    });
  }

  async #flush(): Promise<void> {
    const waiting = this.#waiting;
    this.#waiting = [];
    try {
      const values = await this.#load(waiting.map(({ key }) => key));
      for (const [at, { resolve }] of waiting.entries()) resolve(values[at]!);
    } catch (error) {
      for (const { reject } of waiting) reject(error);
    }
  }
}
