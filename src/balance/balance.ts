import { Events, parseOptions, runtimeFrom, SpillwayError, type Clock, type Metrics, type Runtime } from '../kernel/index.ts';
import { Candidates } from './candidates.ts';
import { Endpoint, type EndpointSettings, type EndpointState } from './endpoint.ts';
import { EndpointBreaker } from './endpoint-breaker.ts';
import type { BalanceEvents } from './events.ts';
import { HealthChecks, type Probe } from './health-checks.ts';
import { httpProbe } from './http-probe.ts';
import { balancerSchema, type BalancerOptions, type BalancerSettings } from './options.ts';
import { Outliers, type Verdict } from './outliers.ts';
import { strategyNamed, type Fleet, type PickContext, type Strategy } from './strategies/index.ts';

/** How a request to an endpoint ended. `cancelled`: the client gave up, which says nothing about the endpoint. */
export type Outcome = 'success' | 'failure' | 'cancelled';

export interface EndpointStatus {
  readonly url: string;
  readonly state: EndpointState;
  readonly inFlight: number;
  readonly picks: number;
  readonly failures: number;
  /** Mean time to an answer's head, ms; undefined before the first, and for strategies that do not measure. */
  readonly latencyMs: number | undefined;
}

/** Chooses an endpoint for each request, and learns from how it went. */
export interface Balancer {
  readonly name: string;
  readonly events: Events<BalanceEvents>;
  readonly endpoints: readonly Endpoint[];
  /**
   * The endpoint for one request, counted as in flight until {@link report}, or {@link answered} and then {@link done}.
   * Undefined when none may be used; {@link refusal} says why.
   */
  pick(context?: PickContext): Endpoint | undefined;
  /** A request has ended: {@link answered} and {@link done} in one, for answers that come in one piece. */
  report(endpoint: Endpoint, outcome: Outcome, latencyMs: number, retryAfterMs?: number): void;
  /**
   * The head of the answer is here, or it is known that none comes. Once for each pick.
   *
   * @param latencyMs from the request until now.
   * @param retryAfterMs what the endpoint's Retry-After said, if it did.
   */
  answered(endpoint: Endpoint, outcome: Outcome, latencyMs: number, retryAfterMs?: number): void;
  /** The answer is over. Once for each pick, after {@link answered}. `broken`: it was cut off by the endpoint. */
  done(endpoint: Endpoint, broken?: boolean): void;
  /**
   * Makes one call to an endpoint and reports how it went: what it throws is a failure. For what answers in one piece, such
   * as a query of a database.
   *
   * @throws SpillwayError as {@link refusal} when no endpoint may be used, and whatever the call throws.
   */
  execute<T>(call: (endpoint: Endpoint) => Promise<T>, context?: PickContext): Promise<T>;
  /** Why no endpoint may be used: the breakers are open, or there is none. */
  refusal(): SpillwayError;
  /** No new requests for this endpoint until {@link resume}; resolves when those in flight have ended. */
  drain(endpoint: Endpoint): Promise<void>;
  /** Uses a drained endpoint again, slowly at first. */
  resume(endpoint: Endpoint): void;
  /** Replaces the endpoints: those no longer named are drained, new ones start slowly, others stay as they are. */
  setEndpoints(settings: readonly EndpointSettings[]): void;
  status(): readonly EndpointStatus[];
  /** Ends health checks and timers. */
  close(): void;
}

/** What a balancer can be given beside its options. */
export interface BalancerContext {
  /** What it is called in metrics and messages. */
  readonly name?: string;
  /** How health checks ask, in place of an HTTP GET. */
  readonly probe?: Probe;
}

/**
 * A balancer over `options.endpoints`.
 *
 * @throws ConfigError when the options are wrong.
 */
export function createBalancer(
  options: BalancerOptions,
  runtime: Partial<Runtime> = {},
  context: BalancerContext = {},
): Balancer {
  return balancerFrom(parseOptions(balancerSchema, options, 'createBalancer(options)'), runtime, context);
}

/** The same from settings that were checked already, such as a resolved policy's. */
export function balancerFrom(
  settings: BalancerSettings,
  runtime: Partial<Runtime> = {},
  context: BalancerContext = {},
): Balancer {
  return new EndpointBalancer(settings, runtimeFrom(runtime), context);
}

/** What an endpoint's share begins with when it comes back. */
const SLOW_START_SHARE = 0.1;

const NO_CONTEXT: PickContext = {};

class EndpointBalancer implements Balancer, Fleet {
  readonly name: string;
  readonly events = new Events<BalanceEvents>();
  nowMs = 0;
  readonly #settings: BalancerSettings;
  readonly #clock: Clock;
  readonly #strategy: Strategy;
  readonly #outliers: Outliers;
  readonly #checks: HealthChecks | undefined;
  readonly #candidates: Candidates;
  readonly #drains = new Map<Endpoint, Drain>();
  readonly #runtime: Runtime;
  #endpoints: readonly Endpoint[];
  #closed = false;

  constructor(settings: BalancerSettings, runtime: Runtime, { name = 'default', probe }: BalancerContext) {
    const { clock, random, metrics } = runtime;
    this.name = name;
    this.#settings = settings;
    this.#runtime = runtime;
    this.#clock = clock;
    this.#strategy = strategyNamed(settings.strategy, random);
    this.#outliers = new Outliers(settings.outliers);
    this.#candidates = new Candidates(settings);
    this.#endpoints = settings.endpoints.map((endpoint) => this.#endpointOf(endpoint));
    if (settings.health) {
      const listener = {
        onUp: (endpoint: Endpoint) => this.#onUp(endpoint),
        onDown: (endpoint: Endpoint, reason: string) => this.#onDown(endpoint, reason),
      };
      this.#checks = new HealthChecks(settings.health, probe ?? httpProbe, listener, clock, random);
      for (const endpoint of this.#endpoints) this.#checks.watch(endpoint);
    }
    this.#measure(metrics);
    this.#candidates.refresh(this.#endpoints);
  }

  get endpoints(): readonly Endpoint[] {
    return this.#endpoints;
  }

  pick(context: PickContext = NO_CONTEXT): Endpoint | undefined {
    const endpoint = this.#choose(context);
    if (!endpoint) return undefined;
    if (endpoint.awaited++ === 0) endpoint.heardMs = this.nowMs;
    endpoint.inFlight++;
    endpoint.picks++;
    return endpoint;
  }

  async execute<T>(call: (endpoint: Endpoint) => Promise<T>, context: PickContext = NO_CONTEXT): Promise<T> {
    const endpoint = this.pick(context);
    if (!endpoint) throw this.refusal();
    const startedMs = this.#clock.monotonic();
    let outcome: Outcome = 'failure';
    try {
      const value = await call(endpoint);
      outcome = 'success';
      return value;
    } finally {
      this.report(endpoint, outcome, this.#clock.monotonic() - startedMs);
    }
  }

  report(endpoint: Endpoint, outcome: Outcome, latencyMs: number, retryAfterMs = 0): void {
    this.answered(endpoint, outcome, latencyMs, retryAfterMs);
    this.done(endpoint);
  }

  answered(endpoint: Endpoint, outcome: Outcome, latencyMs: number, retryAfterMs = 0): void {
    endpoint.awaited--;
    if (outcome !== 'cancelled') this.#learn(endpoint, outcome === 'failure', latencyMs, retryAfterMs);
  }

  done(endpoint: Endpoint, broken = false): void {
    endpoint.inFlight--;
    if (broken) this.#learn(endpoint, true, 0, 0);
    if (endpoint.inFlight === 0) this.#endDrain(endpoint);
  }

  refusal(): SpillwayError {
    const broken = this.#endpoints.find((endpoint) => endpoint.state === 'up' && endpoint.breaker);
    return (
      broken?.breaker?.refusal() ??
      new SpillwayError('SPILLWAY_UPSTREAM_UNAVAILABLE', `upstream '${this.name}' has no endpoint left to try`)
    );
  }

  drain(endpoint: Endpoint): Promise<void> {
    if (!endpoint.draining) {
      endpoint.draining = true;
      this.#checks?.unwatch(endpoint);
      this.#candidates.refresh(this.#endpoints);
      this.events.emit('draining', { endpoint });
    }
    if (endpoint.inFlight === 0) return Promise.resolve();
    let drain = this.#drains.get(endpoint);
    if (!drain) this.#drains.set(endpoint, (drain = Promise.withResolvers()));
    return drain.promise;
  }

  resume(endpoint: Endpoint): void {
    if (!endpoint.draining || !this.#endpoints.includes(endpoint)) return;
    endpoint.draining = false;
    this.#endDrain(endpoint);
    this.#checks?.watch(endpoint);
    this.#warm(endpoint);
    this.events.emit('resumed', { endpoint });
  }

  setEndpoints(settings: readonly EndpointSettings[]): void {
    const known = new Map(this.#endpoints.map((endpoint) => [endpoint.url, endpoint]));
    const next = settings.map((one) => {
      const same = known.get(one.url);
      return same && sameSettings(same, one) ? same : this.#endpointOf(one);
    });
    const added = next.filter((endpoint) => known.get(endpoint.url) !== endpoint);
    const removed = this.#endpoints.filter((endpoint) => !next.includes(endpoint));
    this.#endpoints = next;
    for (const endpoint of added) this.#add(endpoint);
    for (const endpoint of removed) void this.drain(endpoint).then(() => this.events.emit('removed', { endpoint }));
    this.#candidates.refresh(next);
  }

  status(): readonly EndpointStatus[] {
    return this.#endpoints.map(({ url, state, inFlight, picks, failures, latencyMs }) => ({
      url,
      state,
      inFlight,
      picks,
      failures,
      latencyMs,
    }));
  }

  close(): void {
    this.#closed = true;
    this.#checks?.close();
  }

  weightOf(endpoint: Endpoint): number {
    const { warmingSinceMs, weight } = endpoint;
    if (warmingSinceMs === -Infinity) return weight;
    const share = (this.nowMs - warmingSinceMs) / this.#settings.slowStartMs;
    if (share < 1) return weight * Math.max(SLOW_START_SHARE, share);
    endpoint.warmingSinceMs = -Infinity;
    return weight;
  }

  #endpointOf(settings: EndpointSettings): Endpoint {
    const { breaker } = this.#settings;
    return new Endpoint(settings, breaker && new EndpointBreaker(`${this.name} ${settings.url}`, breaker, this.#runtime));
  }

  #endDrain(endpoint: Endpoint): void {
    this.#drains.get(endpoint)?.resolve();
    this.#drains.delete(endpoint);
  }

  #choose(context: PickContext): Endpoint | undefined {
    let candidates = this.#candidates.of(context.tier);
    if (context.tried !== undefined) candidates = without(candidates, context.tried);
    for (;;) {
      const endpoint = this.#best(candidates, context);
      if (endpoint?.breaker === undefined || endpoint.breaker.admits(this.#clock.monotonic())) return endpoint;
      candidates = candidates.filter((one) => one !== endpoint);
    }
  }

  #best(candidates: readonly Endpoint[], context: PickContext): Endpoint | undefined {
    if (candidates.length < 2) return candidates[0];
    this.nowMs = this.#clock.monotonic();
    if (context.stickTo !== undefined) {
      const same = candidates.find((endpoint) => endpoint.url === context.stickTo);
      if (same) return same;
    }
    return this.#strategy.choose(candidates, context, this);
  }

  #learn(endpoint: Endpoint, failed: boolean, latencyMs: number, retryAfterMs: number): void {
    const nowMs = this.#clock.monotonic();
    this.#strategy.learn?.(endpoint, failed, latencyMs, retryAfterMs, nowMs);
    endpoint.heardMs = nowMs;
    endpoint.breaker?.record(failed, latencyMs, nowMs, retryAfterMs);
    if (failed) {
      endpoint.failures++;
      const verdict = this.#outliers.onFailure(endpoint, this.#endpoints);
      if (verdict) this.#eject(verdict);
    } else this.#outliers.onSuccess(endpoint);
    for (const verdict of this.#outliers.compare(this.#endpoints, nowMs)) this.#eject(verdict);
  }

  #eject({ endpoint, forMs, why }: Verdict): void {
    endpoint.ejected = true;
    this.#candidates.refresh(this.#endpoints);
    this.events.emit('ejected', { endpoint, forMs, why });
    this.#clock.setTimer(() => this.#return(endpoint), forMs);
  }

  #return(endpoint: Endpoint): void {
    if (this.#closed) return;
    endpoint.ejected = false;
    // One more failure ejects it again: it has to prove itself first.
    endpoint.consecutiveFailures = Math.max(0, this.#settings.outliers.consecutiveFailures - 1);
    this.#warm(endpoint);
    this.events.emit('returned', { endpoint });
  }

  #onUp(endpoint: Endpoint): void {
    endpoint.down = false;
    endpoint.consecutiveFailures = 0;
    this.#warm(endpoint);
    this.events.emit('up', { endpoint });
  }

  #onDown(endpoint: Endpoint, reason: string): void {
    endpoint.down = true;
    this.#candidates.refresh(this.#endpoints);
    this.events.emit('down', { endpoint, reason });
  }

  #add(endpoint: Endpoint): void {
    this.#checks?.watch(endpoint);
    this.#warm(endpoint);
    this.events.emit('added', { endpoint });
  }

  /** Into service, at first with a small share. What it was like before says little about it now. */
  #warm(endpoint: Endpoint): void {
    if (this.#settings.slowStartMs > 0) endpoint.warmingSinceMs = this.#clock.monotonic();
    endpoint.latencyMs = undefined;
    endpoint.health = 1;
    endpoint.credit = 0;
    this.#candidates.refresh(this.#endpoints);
  }

  #measure(metrics: Metrics): void {
    const labels = ['upstream', 'endpoint'];
    const named = (name: string, help: string) => ({ name: `spillway_balance_${name}`, help, labels });
    const picks = metrics.counter(named('picks', 'Requests given to an endpoint; each attempt of a request counts.'));
    const failures = metrics.counter(named('failures', 'Requests an endpoint failed.'));
    const inFlight = metrics.gauge(named('in_flight', 'Requests an endpoint works on.'));
    const up = metrics.gauge(named('up', '1 while an endpoint may be picked, else 0.'));
    const draining = metrics.gauge(named('draining', '1 while an endpoint is given nothing new because it was asked to drain.'));
    metrics.onCollect(() => {
      for (const endpoint of this.#endpoints) {
        const series = { upstream: this.name, endpoint: endpoint.url };
        const [picked, failed] = [picks.series(series), failures.series(series)];
        picked.inc(Math.max(0, endpoint.picks - picked.value));
        failed.inc(Math.max(0, endpoint.failures - failed.value));
        inFlight.series(series).set(endpoint.inFlight);
        up.series(series).set(endpoint.state === 'up' ? 1 : 0);
        draining.series(series).set(endpoint.draining ? 1 : 0);
      }
    });
  }
}

type Drain = ReturnType<typeof Promise.withResolvers<void>>;

/** Those not tried yet; all of them when every one was. */
function without(candidates: readonly Endpoint[], tried: readonly Endpoint[]): readonly Endpoint[] {
  const others = candidates.filter((endpoint) => !tried.includes(endpoint));
  return others.length > 0 ? others : candidates;
}

function sameSettings(a: EndpointSettings, b: EndpointSettings): boolean {
  return (
    a.weight === b.weight && a.backup === b.backup && a.zone === b.zone && a.reservedFor.join('\0') === b.reservedFor.join('\0')
  );
}
