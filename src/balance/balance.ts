import { Events, parseOptions, randomInt, runtimeFrom, type Clock, type Counter, type Runtime } from '../kernel/index.ts';
import { Endpoint, type EndpointState } from './endpoint.ts';
import type { BalanceEvents } from './events.ts';
import { balancerSchema, type BalancerOptions, type BalancerSettings, type StrategyName } from './options.ts';
import { Outliers } from './outliers.ts';
import { LeastConnections } from './strategies/least-connections.ts';
import { RoundRobin } from './strategies/round-robin.ts';
import type { PickContext, Strategy } from './strategies/strategy.ts';

/** How a request to an endpoint ended. `cancelled`: the client gave up, which says nothing about the endpoint. */
export type Outcome = 'success' | 'failure' | 'cancelled';

export interface EndpointStatus {
  readonly url: string;
  readonly state: EndpointState;
  readonly inFlight: number;
  readonly picks: number;
  readonly failures: number;
}

/** Chooses an endpoint for each request, and learns from how it went. */
export interface Balancer {
  readonly name: string;
  readonly events: Events<BalanceEvents>;
  readonly endpoints: readonly Endpoint[];
  /**
   * The endpoint for one request, counted as in flight until {@link report}. Undefined when none may be used.
   */
  pick(context?: PickContext): Endpoint | undefined;
  /** Ends what {@link pick} began; call it exactly once for each pick. */
  report(endpoint: Endpoint, outcome: Outcome, latencyMs: number): void;
  /** No new requests for this endpoint; resolves when those in flight have ended. */
  drain(endpoint: Endpoint): Promise<void>;
  status(): readonly EndpointStatus[];
}

/**
 * A balancer over `options.endpoints`.
 *
 * @throws ConfigError when the options are wrong.
 */
export function createBalancer(options: BalancerOptions, runtime: Partial<Runtime> = {}, name = 'default'): Balancer {
  return balancerFrom(parseOptions(balancerSchema, options, 'createBalancer(options)'), runtime, name);
}

/** The same from settings that were checked already, such as a resolved policy's. */
export function balancerFrom(settings: BalancerSettings, runtime: Partial<Runtime> = {}, name = 'default'): Balancer {
  return new EndpointBalancer(settings, runtimeFrom(runtime), name);
}

const NO_CONTEXT: PickContext = {};

class EndpointBalancer implements Balancer {
  readonly name: string;
  readonly events = new Events<BalanceEvents>();
  readonly endpoints: readonly Endpoint[];
  readonly #clock: Clock;
  readonly #strategy: Strategy;
  readonly #outliers: Outliers;
  readonly #drained = new Map<Endpoint, () => void>();
  readonly #failures: ReadonlyMap<Endpoint, Counter>;
  readonly #picks: ReadonlyMap<Endpoint, Counter>;
  /** Endpoints to choose from, kept up to date at each change of state so that a pick filters nothing. */
  #candidates: readonly Endpoint[] = [];

  constructor(settings: BalancerSettings, { clock, random, metrics }: Runtime, name: string) {
    this.name = name;
    this.#clock = clock;
    this.endpoints = settings.endpoints.map((endpoint) => new Endpoint(endpoint));
    this.#strategy = strategyNamed(settings.strategy, random, this.endpoints.length);
    this.#outliers = new Outliers(settings.outliers);
    const labels = ['upstream', 'endpoint'];
    const picks = metrics.counter({
      name: 'spillway_balance_picks',
      help: 'Requests given to an endpoint, attempts of one request counted apart.',
      labels,
    });
    const failures = metrics.counter({ name: 'spillway_balance_failures', help: 'Requests an endpoint failed.', labels });
    const inFlight = metrics.gauge({ name: 'spillway_balance_in_flight', help: 'Requests an endpoint works on.', labels });
    const up = metrics.gauge({ name: 'spillway_balance_up', help: '1 while an endpoint may be picked, else 0.', labels });
    this.#picks = new Map(this.endpoints.map((one) => [one, picks.series({ upstream: name, endpoint: one.url })]));
    this.#failures = new Map(this.endpoints.map((one) => [one, failures.series({ upstream: name, endpoint: one.url })]));
    metrics.onCollect(() => {
      for (const endpoint of this.endpoints) {
        const series = { upstream: name, endpoint: endpoint.url };
        inFlight.series(series).set(endpoint.inFlight);
        up.series(series).set(endpoint.state === 'up' ? 1 : 0);
      }
    });
    this.#refresh();
  }

  pick(context: PickContext = NO_CONTEXT): Endpoint | undefined {
    const candidates = context.tried === undefined ? this.#candidates : this.#without(context.tried);
    if (candidates.length === 0) return undefined;
    const endpoint = candidates.length === 1 ? candidates[0]! : this.#strategy.choose(candidates, context);
    endpoint.inFlight++;
    endpoint.picks++;
    this.#picks.get(endpoint)!.inc();
    return endpoint;
  }

  report(endpoint: Endpoint, outcome: Outcome, _latencyMs: number): void {
    endpoint.inFlight--;
    if (outcome === 'success') {
      if (endpoint.consecutiveFailures > 0) this.#outliers.onSuccess(endpoint);
    } else if (outcome === 'failure') {
      endpoint.failures++;
      this.#failures.get(endpoint)!.inc();
      const forMs = this.#outliers.onFailure(endpoint, this.endpoints);
      if (forMs > 0) this.#eject(endpoint, forMs);
    }
    if (endpoint.inFlight === 0) this.#drained.get(endpoint)?.();
  }

  drain(endpoint: Endpoint): Promise<void> {
    endpoint.state = 'draining';
    this.#refresh();
    this.events.emit('draining', { endpoint });
    if (endpoint.inFlight === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#drained.set(endpoint, () => {
        this.#drained.delete(endpoint);
        resolve();
      });
    });
  }

  status(): readonly EndpointStatus[] {
    return this.endpoints.map(({ url, state, inFlight, picks, failures }) => ({ url, state, inFlight, picks, failures }));
  }

  #eject(endpoint: Endpoint, forMs: number): void {
    endpoint.state = 'ejected';
    this.#refresh();
    this.events.emit('ejected', { endpoint, forMs });
    this.#clock.setTimer(() => this.#return(endpoint), forMs);
  }

  #return(endpoint: Endpoint): void {
    if (endpoint.state !== 'ejected') return;
    endpoint.state = 'up';
    // One more failure ejects it again: it has to prove itself first.
    endpoint.consecutiveFailures = Math.max(0, endpoint.consecutiveFailures - 1);
    this.#refresh();
    this.events.emit('returned', { endpoint });
  }

  /** Those not tried yet; all of them when every one was. */
  #without(tried: readonly Endpoint[]): readonly Endpoint[] {
    const others = this.#candidates.filter((endpoint) => !tried.includes(endpoint));
    return others.length > 0 ? others : this.#candidates;
  }

  /** Primary endpoints that are up; else backups that are up; else, better than nothing, whoever is not draining. */
  #refresh(): void {
    const usable = this.endpoints.filter((endpoint) => endpoint.state === 'up');
    const primary = usable.filter((endpoint) => !endpoint.backup);
    if (primary.length > 0) this.#candidates = primary;
    else if (usable.length > 0) this.#candidates = usable;
    else this.#candidates = this.endpoints.filter((endpoint) => endpoint.state !== 'draining');
  }
}

function strategyNamed(name: StrategyName, random: Runtime['random'], endpoints: number): Strategy {
  switch (name) {
    case 'roundRobin':
      return new RoundRobin(randomInt(random, endpoints));
    case 'leastConnections':
      return new LeastConnections(random);
  }
}
