/**
 * Runs at most one `work` per key at a time: callers who come while it runs share its outcome. `forget` makes the next
 * caller start anew although the old run goes on, which is how an invalidation keeps later readers from joining a load
 * that began before it.
 */
export class SingleFlight<Key, Value> {
  readonly #running = new Map<Key, Promise<Value>>();

  run(key: Key, work: () => Promise<Value>): Promise<Value> {
    const running = this.#running.get(key);
    if (running) return running;
    const started = (async () => work())();
    this.#running.set(key, started);
    const end = (): void => {
      if (this.#running.get(key) === started) this.#running.delete(key);
    };
    started.then(end, end);
    return started;
  }

  has(key: Key): boolean {
    return this.#running.has(key);
  }

  forget(key: Key): void {
    this.#running.delete(key);
  }

  get size(): number {
    return this.#running.size;
  }
}
