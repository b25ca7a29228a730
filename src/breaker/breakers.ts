import { Events, runtimeFrom, type Runtime } from '../kernel/index.ts';
import { createBreaker, type Breaker } from './breaker.ts';
import type { BreakerEvents } from './events.ts';
import type { BreakerOptions } from './options.ts';

const MAX_BREAKERS = 1000;

/**
 * A breaker per dependency and route class, made when first asked for: a host that fails for exports may still do for
 * pages.
 */
export function createBreakers(options: Omit<BreakerOptions, 'name'> = {}, runtime: Partial<Runtime> = {}): Breakers {
  return new Breakers(options, runtimeFrom(runtime));
}

export class Breakers {
  /** Events of all breakers together. */
  readonly events = new Events<BreakerEvents>();
  readonly #options: Omit<BreakerOptions, 'name'>;
  readonly #runtime: Runtime;
  /** Least lately asked for first. */
  readonly #breakers = new Map<string, Breaker>();

  constructor(options: Omit<BreakerOptions, 'name'>, runtime: Runtime) {
    this.#options = options;
    this.#runtime = runtime;
    createBreaker(options, runtime);
  }

  /** The breaker of a host, or of one class of calls to it. */
  for(host: string, className?: string): Breaker {
    const name = className === undefined ? host : `${host} ${className}`;
    const known = this.#breakers.get(name);
    if (known) {
      this.#breakers.delete(name);
      this.#breakers.set(name, known);
      return known;
    }
    if (this.#breakers.size >= MAX_BREAKERS) this.#forgetOne();
    const breaker = createBreaker({ ...this.#options, name }, this.#runtime);
    breaker.events.on('stateChanged', (event) => this.events.emit('stateChanged', event));
    breaker.events.on('shareChanged', (event) => this.events.emit('shareChanged', event));
    this.#breakers.set(name, breaker);
    return breaker;
  }

  get all(): readonly Breaker[] {
    return [...this.#breakers.values()];
  }

  /** The one unused longest that is closed; an open one knows something worth keeping. */
  #forgetOne(): void {
    const victim = this.all.find((breaker) => breaker.state === 'closed') ?? this.all[0]!;
    this.#breakers.delete(victim.name);
  }
}
