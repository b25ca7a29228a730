import type { Endpoint } from './endpoint.ts';
import type { BalancerSettings } from './options.ts';

/**
 * Passive health, by Envoy's rules: an endpoint that fails so many requests in a row is ejected for a time that grows
 * with each ejection, and never more than a share of the fleet at once. A success in between makes the slate clean.
 */
export class Outliers {
  readonly #settings: BalancerSettings['outliers'];

  constructor(settings: BalancerSettings['outliers']) {
    this.#settings = settings;
  }

  onSuccess(endpoint: Endpoint): void {
    endpoint.consecutiveFailures = 0;
    endpoint.ejections = 0;
  }

  /** How long to eject the endpoint for, ms; 0: not now. */
  onFailure(endpoint: Endpoint, fleet: readonly Endpoint[]): number {
    endpoint.consecutiveFailures++;
    if (endpoint.state !== 'up' || endpoint.consecutiveFailures < this.#settings.consecutiveFailures) return 0;
    const ejected = fleet.filter((one) => one.state === 'ejected').length;
    // One may always go when another can take over: a share of a fleet of two would round down to none.
    const allowed = Math.max(1, Math.floor(fleet.length * this.#settings.maxEjected));
    if (ejected >= allowed || fleet.length === 1) return 0;
    endpoint.ejections++;
    return Math.min(this.#settings.ejectionMs * endpoint.ejections, this.#settings.maxEjectionMs);
  }
}
