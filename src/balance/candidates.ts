import type { Endpoint } from './endpoint.ts';
import type { BalancerSettings } from './options.ts';

/**
 * The endpoints a pick chooses among, worked out at each change of state so that a pick filters nothing: those that are up;
 * without any, backups; without those, all that are not draining, since a wrong verdict about the whole fleet must not
 * make an outage of its own.
 */
export class Candidates {
  readonly #settings: Pick<BalancerSettings, 'zone' | 'panic'>;
  #forAll: readonly Endpoint[] = [];
  #reserved = new Map<string, readonly Endpoint[]>();

  constructor(settings: Pick<BalancerSettings, 'zone' | 'panic'>) {
    this.#settings = settings;
  }

  refresh(endpoints: readonly Endpoint[]): void {
    this.#forAll = this.#usable(endpoints.filter((endpoint) => endpoint.reservedFor.length === 0));
    // Better a reserved endpoint than none.
    if (this.#forAll.length === 0) this.#forAll = this.#usable(endpoints);
    this.#reserved = new Map();
    for (const tier of new Set(endpoints.flatMap((endpoint) => endpoint.reservedFor))) {
      const own = endpoints.filter((endpoint) => endpoint.reservedFor.includes(tier) && endpoint.state === 'up');
      if (own.length > 0) this.#reserved.set(tier, own);
    }
  }

  /** A tier's own endpoints until each of them has more to do than the others on average; then those of everyone. */
  of(tier: string | undefined): readonly Endpoint[] {
    const own = tier === undefined ? undefined : this.#reserved.get(tier);
    if (!own || this.#forAll.length === 0) return own ?? this.#forAll;
    const least = Math.min(...own.map((endpoint) => endpoint.inFlight));
    const mean = this.#forAll.reduce((sum, endpoint) => sum + endpoint.inFlight, 0) / this.#forAll.length;
    return least > mean + 1 ? this.#forAll : own;
  }

  #usable(endpoints: readonly Endpoint[]): readonly Endpoint[] {
    const up = endpoints.filter((endpoint) => endpoint.state === 'up');
    const primaries = endpoints.filter((endpoint) => !endpoint.backup && endpoint.state !== 'draining');
    const upPrimaries = primaries.filter((endpoint) => endpoint.state === 'up');
    if (upPrimaries.length > 0 && upPrimaries.length >= this.#settings.panic * primaries.length) return this.#near(upPrimaries);
    if (up.length > upPrimaries.length) return up;
    return endpoints.filter((endpoint) => endpoint.state !== 'draining');
  }

  /** The own zone while it has at least its even share of the endpoints that are up; otherwise all zones. */
  #near(up: readonly Endpoint[]): readonly Endpoint[] {
    const { zone } = this.#settings;
    if (zone === undefined) return up;
    const own = up.filter((endpoint) => endpoint.zone === zone);
    const zones = new Set(up.map((endpoint) => endpoint.zone)).size;
    return own.length > 0 && own.length * zones * 2 >= up.length ? own : up;
  }
}
