type Listener<T> = (event: T) => void;

/**
 * Typed events of one room. A listener that throws does not disturb the emitter or other listeners: what it threw goes
 * to `onListenerError`, by default a process warning.
 */
export class Events<Map extends object> {
  readonly #listeners = new globalThis.Map<keyof Map, Set<Listener<never>>>();
  readonly #onListenerError: (error: unknown, event: string) => void;

  constructor(onListenerError: (error: unknown, event: string) => void = warn) {
    this.#onListenerError = onListenerError;
  }

  /** Calls `listener` at every `name` from now on; the returned function ends that. */
  on<Name extends keyof Map>(name: Name, listener: Listener<Map[Name]>): () => void {
    let set = this.#listeners.get(name);
    if (!set) this.#listeners.set(name, (set = new Set()));
    set.add(listener as Listener<never>);
    return () => void set.delete(listener as Listener<never>);
  }

  /** Like {@link on}, for the next occurrence only. */
  once<Name extends keyof Map>(name: Name, listener: Listener<Map[Name]>): () => void {
    const off = this.on(name, (event) => {
      off();
      listener(event);
    });
    return off;
  }

  emit<Name extends keyof Map>(name: Name, event: Map[Name]): void {
    const set = this.#listeners.get(name);
    if (!set) return;
    for (const listener of set) {
      try {
        (listener as Listener<Map[Name]>)(event);
      } catch (error) {
        this.#onListenerError(error, String(name));
      }
    }
  }

  /** Whether anyone listens: lets an emitter skip building an event nobody wants. */
  has(name: keyof Map): boolean {
    return (this.#listeners.get(name)?.size ?? 0) > 0;
  }
}

function warn(error: unknown, event: string): void {
  process.emitWarning(
    `A listener of '${event}' threw: ${error instanceof Error ? error.stack : String(error)}`,
    'SpillwayWarning',
  );
}
