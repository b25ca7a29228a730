import type { Balancer } from '../balance/index.ts';
import { parseOptions, runtimeFrom, SpillwayError, type Runtime } from '../kernel/index.ts';
import type { Exchange, Upstream, UpstreamExchange, UpstreamReceiver, UpstreamRequest } from '../ports/index.ts';
import { Compression } from './compression.ts';
import { Deadlines } from './deadlines.ts';
import { ForwardedRequest, type ForwardableRequest, type ForwardingContext, type Preference } from './forwarded-request.ts';
import { outboundOf } from './forwarding.ts';
import { LentBuffers } from './lent-buffer.ts';
import { proxySchema, type ProxyOptions, type ProxySettings } from './options.ts';
import { PassReceiver, upstreamRequestOf, type PassedExchange } from './pass.ts';
import type { PlainExchange } from './plain-exchange.ts';
import { problemOf } from './problems.ts';
import { SecurityHeaders } from './security-headers.ts';
import type { Tunnel } from './tunnel.ts';
import { refuseUpgrade, UpgradeAttempt, type UpgradeRequest } from './upgrade.ts';
import type { OutboundRequest } from './outbound-request.ts';
import { UpstreamPools } from './upstream-pools.ts';

/** Passes requests to upstreams. */
export interface Proxy extends Upstream {
  /** Of each upstream, by its name. */
  readonly balancers: ReadonlyMap<string, Balancer>;
  /** Sends a request on and its answer back, both as they come; answers faults with problem documents. */
  pass(exchange: Exchange): void;
  /** The same for a plain request of the gateway's. False: it has to be passed by {@link pass}. */
  passPlain(exchange: PlainExchange): boolean;
  /** Takes a request to change protocols (a WebSocket) to an endpoint and joins the two connections. */
  upgrade(upgrade: UpgradeRequest): void;
  /**
   * Takes an endpoint out of use, or uses it again. Resolves when the requests it had, WebSockets too, have ended.
   *
   * @param url its address, as configured.
   * @throws SpillwayError SPILLWAY_UPSTREAM_UNKNOWN when there is no such upstream or endpoint.
   */
  drainEndpoint(upstream: string, url: string, drained: boolean): Promise<void>;
  /** Open tunnels: upgraded connections. */
  readonly tunnels: number;
  /**
   * Ends the tunnels by their protocol, spread over `spreadMs` so that their clients do not all come back at once. Resolves
   * when all are gone; when `signal` aborts, the rest is cut.
   */
  drain(signal: AbortSignal, spreadMs?: number): Promise<void>;
  /** Ends all connections to upstreams; requests under way fail. */
  stop(): Promise<void>;
}

/** What a proxy can be given beside its options. */
export interface ProxyContext {
  /** The subscription tier of whoever sent a request, for endpoints reserved to tiers. */
  readonly tierOf?: (exchange: Exchange) => string | undefined;
}

/**
 * A reverse proxy over balanced upstreams.
 *
 * @throws ConfigError when the options are wrong.
 */
export function createProxy(options: ProxyOptions, runtime: Partial<Runtime> = {}, context: ProxyContext = {}): Proxy {
  return proxyFrom(parseOptions(proxySchema, options, 'createProxy(options)'), runtime, context);
}

/** The same from settings that were checked already, such as a resolved policy's. */
export function proxyFrom(settings: ProxySettings, runtime: Partial<Runtime> = {}, context: ProxyContext = {}): Proxy {
  return new BalancedProxy(settings, runtimeFrom(runtime), context);
}

class BalancedProxy implements Proxy {
  readonly balancers: ReadonlyMap<string, Balancer>;
  readonly #upstreams: ReadonlyMap<string, UpstreamPools>;
  readonly #context: ForwardingContext;
  readonly #compression: Compression;
  readonly #tierOf: ProxyContext['tierOf'];

  readonly #tunnels = new Set<Tunnel>();
  readonly #runtime: Runtime;
  #onEmpty: (() => void) | undefined;

  constructor(settings: ProxySettings, runtime: Runtime, { tierOf }: ProxyContext) {
    this.#runtime = runtime;
    this.#tierOf = tierOf;
    this.#compression = new Compression(settings.compression.minBytes);
    const { clock } = runtime;
    this.#context = {
      clock,
      deadlines: new Deadlines(clock),
      maxBodyBytes: settings.maxBodyBytes,
      securityHeaders: settings.securityHeaders ? new SecurityHeaders(settings.securityHeaders) : undefined,
    };
    const buffers = new LentBuffers(runtime.metrics);
    const tunnels = runtime.metrics.gauge({ name: 'spillway_http_tunnels', help: 'Upgraded connections (WebSockets).' }).series();
    this.#upstreams = new Map(
      Object.entries(settings.upstreams).map(([name, upstream]) => [
        name,
        new UpstreamPools(name, upstream, runtime, this.#context.deadlines, buffers),
      ]),
    );
    runtime.metrics.onCollect(() => tunnels.set(this.#tunnels.size));
    this.balancers = new Map([...this.#upstreams].map(([name, pools]) => [name, pools.balancer]));
  }

  dispatch(request: UpstreamRequest, receiver: UpstreamReceiver): UpstreamExchange {
    const pools = this.#upstreams.get(request.upstream ?? '');
    if (!pools) return refuse(receiver, unknownUpstream(request.upstream));
    const outbound = outboundOf(request);
    if (!outbound) return refuse(receiver, malformed(request));
    return this.#forward(request, outbound, receiver, pools, NO_PREFERENCE);
  }

  pass(exchange: Exchange): void {
    const request = upstreamRequestOf(exchange);
    this.#pass(exchange, request, outboundOf(request), this.#tierOf?.(exchange));
  }

  passPlain(exchange: PlainExchange): boolean {
    if (this.#tierOf) return false;
    this.#pass(exchange, exchange, exchange.outbound, undefined);
    return true;
  }

  #pass(
    exchange: PassedExchange & Pick<Exchange, 'scheme'>,
    request: ForwardableRequest & Pick<UpstreamRequest, 'upstream'>,
    outbound: OutboundRequest | undefined,
    tier: string | undefined,
  ): void {
    const pools = this.#upstreams.get(request.upstream ?? '');
    const receiver = new PassReceiver(
      exchange,
      this.#compression,
      pools?.settings.etags ?? false,
      this.#ownFields(exchange.scheme),
    );
    if (!pools) return receiver.attach(refuse(receiver, unknownUpstream(request.upstream)));
    if (!outbound) return receiver.attach(refuse(receiver, malformed(request)));
    const { sticky, balancer } = pools;
    if (!sticky) {
      const preference = tier === undefined ? NO_PREFERENCE : { tier };
      return receiver.attach(this.#forward(request, outbound, receiver, pools, preference));
    }
    const { cookie } = exchange.request.headers;
    const before = sticky.read(typeof cookie === 'string' ? cookie : undefined, balancer.endpoints);
    const forwarded = this.#forward(request, outbound, receiver, pools, { tier, stickTo: before?.url });
    receiver.attach(forwarded, () => {
      const { endpoint } = forwarded;
      return endpoint && endpoint !== before ? ['set-cookie', sticky.issue(endpoint, exchange.scheme)] : [];
    });
  }

  #forward(
    request: ForwardableRequest,
    outbound: OutboundRequest,
    receiver: UpstreamReceiver,
    pools: UpstreamPools,
    preference: Preference,
  ): ForwardedRequest {
    const forwarded = new ForwardedRequest(request, outbound, receiver, pools, this.#context, preference);
    forwarded.start();
    return forwarded;
  }

  async drainEndpoint(upstream: string, url: string, drained: boolean): Promise<void> {
    const balancer = this.balancers.get(upstream);
    const endpoint = balancer?.endpoints.find((one) => one.url === url);
    if (!balancer || !endpoint)
      throw new SpillwayError('SPILLWAY_UPSTREAM_UNKNOWN', `there is no endpoint ${url} of upstream '${upstream}'`);
    if (drained) await balancer.drain(endpoint);
    else balancer.resume(endpoint);
  }

  get tunnels(): number {
    return this.#tunnels.size;
  }

  upgrade(upgrade: UpgradeRequest): void {
    const pools = this.#upstreams.get(upgrade.route.upstream ?? '');
    const ownFields = this.#ownFields(upgrade.scheme);
    const endpoint = pools?.balancer.pick({ hashKey: upgrade.clientIp });
    if (!pools || !endpoint) {
      const error = new SpillwayError('SPILLWAY_UPSTREAM_UNAVAILABLE', `upstream '${upgrade.route.upstream}' has no endpoint`);
      refuseUpgrade(upgrade.socket, problemOf(error, upgrade.requestId), ownFields);
      return;
    }
    new UpgradeAttempt(upgrade, pools, endpoint, this.#runtime.clock, ownFields, (tunnel) => this.#keep(tunnel)).start();
  }

  async drain(signal: AbortSignal, spreadMs = TUNNEL_SPREAD_MS): Promise<void> {
    const { clock, random } = this.#runtime;
    for (const tunnel of this.#tunnels) clock.setTimer(() => tunnel.close(), random.next() * spreadMs);
    const cut = (): void => {
      for (const tunnel of this.#tunnels) tunnel.destroy();
    };
    if (signal.aborted) cut();
    else signal.addEventListener('abort', cut, { once: true });
    if (this.#tunnels.size > 0) await new Promise<void>((resolve) => (this.#onEmpty = resolve));
  }

  /** What answers carry that are ours and not the upstream's. */
  #ownFields(scheme: 'http' | 'https'): readonly string[] {
    return this.#context.securityHeaders?.own[scheme] ?? NONE;
  }

  #keep(tunnel: Tunnel): () => void {
    this.#tunnels.add(tunnel);
    return () => {
      this.#tunnels.delete(tunnel);
      if (this.#tunnels.size === 0) this.#onEmpty?.();
    };
  }

  async stop(): Promise<void> {
    for (const tunnel of this.#tunnels) tunnel.destroy();
    await Promise.all([...this.#upstreams.values()].map((pools) => pools.close()));
  }
}

/** Over how long a drain spreads the ends of tunnels. */
const TUNNEL_SPREAD_MS = 5000;

const NO_PREFERENCE: Preference = {};
const NONE: readonly string[] = [];

const NOTHING: UpstreamExchange = { resume: () => {}, abort: () => {} };

function refuse(receiver: UpstreamReceiver, error: SpillwayError): UpstreamExchange {
  // Not before dispatch has returned: the caller has not seen the exchange yet.
  queueMicrotask(() => receiver.onError(error));
  return NOTHING;
}

function unknownUpstream(name: string | undefined): SpillwayError {
  return new SpillwayError('SPILLWAY_UPSTREAM_UNKNOWN', `there is no upstream '${name}'`);
}

function malformed({ method, target }: Pick<UpstreamRequest, 'method' | 'target'>): SpillwayError {
  return new SpillwayError('SPILLWAY_REQUEST_MALFORMED', `${JSON.stringify(`${method} ${target}`)} cannot be written as HTTP`);
}
