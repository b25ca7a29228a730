import type { Events } from '../kernel/index.ts';
import type { Bus } from '../ports/index.ts';
import type { BreakerEvents } from './events.ts';

const CHANNEL = 'breaker.opened';
const MAX_NAMES = 10_000;

/** What hints need of a breaker. */
export interface Hinted {
  readonly name: string;
  readonly events: Events<BreakerEvents>;
  hint(forMs: number): void;
}

interface Opening {
  readonly name: string;
  readonly openForMs: number;
}

/**
 * Tells the breakers of other processes which dependencies fail. A hint opens nothing by itself, for a process may have
 * lost its own way to a dependency that is fine; it makes one failure of their own enough.
 */
export class BreakerHints {
  readonly #bus: Bus;
  /** By name. Breakers come and go with their endpoints; those that are gone are not kept alive from here. */
  readonly #breakers = new Map<string, WeakRef<Hinted>>();
  readonly #stopListening: () => void;

  constructor(bus: Bus) {
    this.#bus = bus;
    this.#stopListening = bus.subscribe(CHANNEL, (message) => this.#onOpening(message));
  }

  /** Shares openings of `breaker`, and lets it know of those under the same name elsewhere. */
  attach(breaker: Hinted): void {
    this.#breakers.delete(breaker.name);
    if (this.#breakers.size >= MAX_NAMES) this.#breakers.delete(this.#breakers.keys().next().value!);
    this.#breakers.set(breaker.name, new WeakRef(breaker));
    breaker.events.on('stateChanged', ({ name, to, reason, openForMs }) => {
      // What a hint opened was told before.
      if (to === 'open' && reason !== 'hinted') this.#tell({ name, openForMs });
    });
  }

  close(): void {
    this.#stopListening();
  }

  #tell(opening: Opening): void {
    // At most once is enough: whoever does not hear finds out as it would have anyway.
    this.#bus.publish(CHANNEL, JSON.stringify(opening)).catch(() => {});
  }

  #onOpening(message: string): void {
    const { name, openForMs } = JSON.parse(message) as Opening;
    this.#breakers.get(name)?.deref()?.hint(openForMs);
  }
}

/** Shares over `bus` which dependencies fail; give it to breakers as their option `hints`. */
export function createBreakerHints(bus: Bus): BreakerHints {
  return new BreakerHints(bus);
}
