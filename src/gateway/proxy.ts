import type { Balancer } from '../balance/index.ts';
import { parseOptions, runtimeFrom, SpillwayError, type Runtime } from '../kernel/index.ts';
import type { Exchange, Upstream, UpstreamExchange, UpstreamReceiver, UpstreamRequest } from '../ports/index.ts';
import { Deadlines } from './deadlines.ts';
import { ForwardedRequest } from './forwarded-request.ts';
import { proxySchema, type ProxyOptions, type ProxySettings } from './options.ts';
import { PassReceiver, upstreamRequestOf } from './pass.ts';
import { UpstreamPools } from './upstream-pools.ts';

/** Passes requests to upstreams. */
export interface Proxy extends Upstream {
  /** Of each upstream, by its name. */
  readonly balancers: ReadonlyMap<string, Balancer>;
  /** Sends a request on and its answer back, both as they come; answers faults with problem documents. */
  pass(exchange: Exchange): void;
  /** Ends all connections to upstreams; requests under way fail. */
  stop(): Promise<void>;
}

/**
 * A reverse proxy over balanced upstreams.
 *
 * @throws ConfigError when the options are wrong.
 */
export function createProxy(options: ProxyOptions, runtime: Partial<Runtime> = {}): Proxy {
  return proxyFrom(parseOptions(proxySchema, options, 'createProxy(options)'), runtime);
}

/** The same from settings that were checked already, such as a resolved policy's. */
export function proxyFrom(settings: ProxySettings, runtime: Partial<Runtime> = {}): Proxy {
  return new BalancedProxy(settings, runtimeFrom(runtime));
}

class BalancedProxy implements Proxy {
  readonly balancers: ReadonlyMap<string, Balancer>;
  readonly #upstreams: ReadonlyMap<string, UpstreamPools>;
  readonly #context: { readonly clock: Runtime['clock']; readonly deadlines: Deadlines; readonly maxBodyBytes: number };

  constructor(settings: ProxySettings, runtime: Runtime) {
    const { clock } = runtime;
    this.#context = { clock, deadlines: new Deadlines(clock), maxBodyBytes: settings.maxBodyBytes };
    this.#upstreams = new Map(
      Object.entries(settings.upstreams).map(([name, upstream]) => [name, new UpstreamPools(name, upstream, runtime)]),
    );
    this.balancers = new Map([...this.#upstreams].map(([name, pools]) => [name, pools.balancer]));
  }

  dispatch(request: UpstreamRequest, receiver: UpstreamReceiver): UpstreamExchange {
    const pools = this.#upstreams.get(request.upstream ?? '');
    if (!pools) return refuse(request, receiver);
    const forwarded = new ForwardedRequest(request, receiver, pools, this.#context);
    forwarded.start();
    return forwarded;
  }

  pass(exchange: Exchange): void {
    const receiver = new PassReceiver(exchange);
    receiver.attach(this.dispatch(upstreamRequestOf(exchange), receiver));
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#upstreams.values()].map((pools) => pools.close()));
  }
}

const NOTHING: UpstreamExchange = { resume: () => {}, abort: () => {} };

function refuse(request: UpstreamRequest, receiver: UpstreamReceiver): UpstreamExchange {
  const error = new SpillwayError('SPILLWAY_UPSTREAM_UNKNOWN', `there is no upstream '${request.upstream}'`);
  // Not before dispatch has returned: the caller has not seen the exchange yet.
  queueMicrotask(() => receiver.onError(error));
  return NOTHING;
}
