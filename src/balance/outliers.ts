import type { Endpoint } from './endpoint.ts';
import type { BalancerSettings } from './options.ts';

type Settings = BalancerSettings['outliers'];

/** Which endpoints to eject, how long, and why. */
export interface Verdict {
  readonly endpoint: Endpoint;
  readonly forMs: number;
  readonly why: 'consecutiveFailures' | 'successRate';
}

/** Success rates are compared only where there is something to compare: so many endpoints with so many requests each. */
const COMPARED_ENDPOINTS = 3;
const COMPARED_REQUESTS = 50;
/** An endpoint stands out when its success rate is so many standard deviations below the mean. */
const DEVIATIONS = 1.9;
/** And by at least this much: where all are near perfect, a tenth of a percent is no outlier. */
const LEAST_DIFFERENCE = 0.05;

/**
 * Passive health, by Envoy's rules: an endpoint that fails so many requests in a row, or a far larger share of them than
 * the others, is ejected for a time that grows with each ejection, and never more than a share of the fleet at once.
 */
export class Outliers {
  readonly #settings: Settings;
  #windowSinceMs = 0;

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  onSuccess(endpoint: Endpoint): void {
    endpoint.windowPicks++;
    endpoint.consecutiveFailures = 0;
  }

  onFailure(endpoint: Endpoint, fleet: readonly Endpoint[]): Verdict | undefined {
    endpoint.windowPicks++;
    endpoint.windowFailures++;
    endpoint.consecutiveFailures++;
    if (endpoint.consecutiveFailures < this.#settings.consecutiveFailures) return undefined;
    return this.#eject(endpoint, fleet, 'consecutiveFailures');
  }

  /** Once per interval: who stands out by its success rate. A whole interval without a fault forgives one ejection. */
  compare(fleet: readonly Endpoint[], nowMs: number): readonly Verdict[] {
    if (nowMs - this.#windowSinceMs < this.#settings.intervalMs) return NOBODY;
    this.#windowSinceMs = nowMs;
    const compared = fleet.filter((endpoint) => endpoint.windowPicks >= COMPARED_REQUESTS);
    const verdicts = compared.length < COMPARED_ENDPOINTS ? NOBODY : this.#below(compared, fleet);
    for (const endpoint of fleet) {
      if (endpoint.windowPicks > 0 && endpoint.windowFailures === 0 && endpoint.ejections > 0) endpoint.ejections--;
      endpoint.windowPicks = endpoint.windowFailures = 0;
    }
    return verdicts;
  }

  #below(compared: readonly Endpoint[], fleet: readonly Endpoint[]): readonly Verdict[] {
    const rates = compared.map((endpoint) => 1 - endpoint.windowFailures / endpoint.windowPicks);
    const mean = rates.reduce((sum, rate) => sum + rate, 0) / rates.length;
    const deviation = Math.sqrt(rates.reduce((sum, rate) => sum + (rate - mean) ** 2, 0) / rates.length);
    // Of n values one lies at most √(n − 1) deviations from their mean: in a small fleet 1.9 can never be reached.
    const bound = mean - Math.max(LEAST_DIFFERENCE, Math.min(DEVIATIONS, 0.8 * Math.sqrt(rates.length - 1)) * deviation);
    return compared
      .filter((_, at) => rates[at]! < bound)
      .map((endpoint) => this.#eject(endpoint, fleet, 'successRate'))
      .filter((verdict) => verdict !== undefined);
  }

  #eject(endpoint: Endpoint, fleet: readonly Endpoint[], why: Verdict['why']): Verdict | undefined {
    if (endpoint.state !== 'up' || fleet.length === 1) return undefined;
    const ejected = fleet.filter((one) => one.ejected).length;
    // One may always go when another can take over: a share of a fleet of two would round down to none.
    if (ejected >= Math.max(1, Math.floor(fleet.length * this.#settings.maxEjected))) return undefined;
    const { ejectionMs, maxEjectionMs } = this.#settings;
    endpoint.ejections++;
    return { endpoint, forMs: Math.min(ejectionMs * endpoint.ejections, maxEjectionMs), why };
  }
}

const NOBODY: readonly Verdict[] = [];
