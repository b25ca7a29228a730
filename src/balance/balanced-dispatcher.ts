import { Agent, Dispatcher, fetch, Pool, type RequestInit, type Response } from 'undici';
import { parseOptions, runtimeFrom, SpillwayError, type Clock, type Runtime } from '../kernel/index.ts';
import { balancerFrom, type Balancer, type BalancerContext } from './balance.ts';
import type { Endpoint } from './endpoint.ts';
import { dispatcherSchema, type DispatcherOptions } from './options.ts';
import type { PickContext } from './strategies/index.ts';

/** What a dispatcher can be given beside its options. */
export interface DispatcherContext extends BalancerContext {
  /** What a request's endpoint is picked by: a key to hash, a tier. */
  readonly contextOf?: (request: Dispatcher.DispatchOptions) => PickContext;
}

/** Methods that may be repeated when it is not known whether the first attempt was carried out (RFC 9110 §9.2.2). */
const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']);
const RETRYABLE_STATUS = new Set([502, 503, 504]);

/**
 * undici's way to send requests, over balanced endpoints: for `fetch(url, { dispatcher })`, `request` and all that takes a
 * dispatcher. Requests for {@link origin}, or for an endpoint, go to an endpoint of the balancer's choice; those for any
 * other origin go where they say.
 */
export class BalancedDispatcher extends Dispatcher {
  /** Stands for all endpoints: `http://balanced`. */
  readonly origin: string;
  readonly balancer: Balancer;
  readonly #clock: Clock;
  readonly #connections: number;
  readonly #retries: number;
  readonly #contextOf: DispatcherContext['contextOf'];
  readonly #pools = new Map<Endpoint, Pool>();
  readonly #elsewhere = new Agent();

  /** @throws ConfigError when the options are wrong. */
  constructor(options: DispatcherOptions, runtime: Partial<Runtime> = {}, context: DispatcherContext = {}) {
    super();
    const settings = parseOptions(dispatcherSchema, options, 'createBalancedFetch(options)');
    this.#clock = runtimeFrom(runtime).clock;
    this.balancer = balancerFrom(settings, runtime, context);
    this.origin = `http://${context.name ?? 'balanced'}`;
    this.#connections = settings.connections;
    this.#retries = settings.retries;
    this.#contextOf = context.contextOf;
    this.balancer.events.on('removed', ({ endpoint }) => {
      void this.#pools.get(endpoint)?.close();
      this.#pools.delete(endpoint);
    });
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    const origin = String(options.origin ?? this.origin);
    if (origin !== this.origin && !this.balancer.endpoints.some(({ url }) => url === origin))
      return this.#elsewhere.dispatch(options, handler);
    new BalancedRequest(options, handler, this.balancer, {
      clock: this.#clock,
      retries: this.#retries,
      context: this.#contextOf?.(options) ?? {},
      poolOf: (endpoint) => this.#poolOf(endpoint),
    }).start();
    return true;
  }

  // undici's own classes take a callback too; a promise is what its documentation uses.
  override async close(): Promise<void> {
    await this.#end((dispatcher) => dispatcher.close());
  }

  override async destroy(): Promise<void> {
    await this.#end((dispatcher) => dispatcher.destroy());
  }

  async #end(how: (dispatcher: Dispatcher) => Promise<void>): Promise<void> {
    this.balancer.close();
    await Promise.all([...this.#pools.values(), this.#elsewhere].map(how));
  }

  #poolOf(endpoint: Endpoint): Pool {
    let pool = this.#pools.get(endpoint);
    if (!pool) this.#pools.set(endpoint, (pool = new Pool(endpoint.url, { connections: this.#connections })));
    return pool;
  }
}

/** `fetch` over balanced endpoints: `fetch('/plans/dallas')` asks one of them. */
export interface BalancedFetch {
  (path: string | URL, init?: RequestInit): Promise<Response>;
  readonly dispatcher: BalancedDispatcher;
  close(): Promise<void>;
}

/** @throws ConfigError when the options are wrong. */
export function createBalancedFetch(
  options: DispatcherOptions,
  runtime: Partial<Runtime> = {},
  context: DispatcherContext = {},
): BalancedFetch {
  const dispatcher = new BalancedDispatcher(options, runtime, context);
  return Object.assign(
    (path: string | URL, init?: RequestInit) => fetch(new URL(path, dispatcher.origin), { ...init, dispatcher }),
    { dispatcher, close: () => dispatcher.close() },
  );
}

interface Surroundings {
  readonly clock: Clock;
  readonly retries: number;
  readonly context: PickContext;
  readonly poolOf: (endpoint: Endpoint) => Pool;
}

/** One request over as many attempts as it takes. */
class BalancedRequest {
  readonly #options: Dispatcher.DispatchOptions;
  readonly #handler: Dispatcher.DispatchHandler;
  readonly #balancer: Balancer;
  readonly #around: Surroundings;
  readonly #controller = new CurrentController();
  readonly #tried: Endpoint[] = [];
  #begun = false;

  constructor(
    options: Dispatcher.DispatchOptions,
    handler: Dispatcher.DispatchHandler,
    balancer: Balancer,
    around: Surroundings,
  ) {
    this.#options = options;
    this.#handler = handler;
    this.#balancer = balancer;
    this.#around = around;
  }

  start(): void {
    const { context, poolOf, clock } = this.#around;
    const endpoint = this.#balancer.pick({ ...context, tried: this.#tried });
    if (!endpoint) {
      this.#handler.onResponseError?.(this.#controller, this.#balancer.refusal());
      return;
    }
    const attempt = new Attempt(this, this.#handler, this.#balancer, endpoint, clock);
    poolOf(endpoint).dispatch({ ...this.#options, origin: endpoint.url }, attempt);
  }

  began(controller: Dispatcher.DispatchController): Dispatcher.DispatchController {
    this.#controller.current = controller;
    if (!this.#begun) this.#handler.onRequestStart?.(this.#controller, {});
    this.#begun = true;
    return this.#controller;
  }

  /** Another endpoint is asked in place of this one, when there is one and the request may be sent again. */
  goesOnWithout(endpoint: Endpoint, sent: boolean): boolean {
    const { method, body } = this.#options;
    const isBytes = body === undefined || body === null || typeof body === 'string' || body instanceof Uint8Array;
    if (this.#controller.aborted || !isBytes || (sent && !IDEMPOTENT.has(method))) return false;
    if (this.#tried.length >= this.#around.retries || this.#balancer.endpoints.length < 2) return false;
    this.#tried.push(endpoint);
    this.start();
    return true;
  }
}

const REPLACED = new SpillwayError('SPILLWAY_UPSTREAM_UNAVAILABLE', 'another endpoint is asked instead');

/** One try at one endpoint. */
class Attempt implements Dispatcher.DispatchHandler {
  readonly #request: BalancedRequest;
  readonly #handler: Dispatcher.DispatchHandler;
  readonly #balancer: Balancer;
  readonly #endpoint: Endpoint;
  readonly #clock: Clock;
  readonly #startedMs: number;
  #controller!: Dispatcher.DispatchController;
  #sent = false;
  #answered = false;
  #replaced = false;

  constructor(
    request: BalancedRequest,
    handler: Dispatcher.DispatchHandler,
    balancer: Balancer,
    endpoint: Endpoint,
    clock: Clock,
  ) {
    this.#request = request;
    this.#handler = handler;
    this.#balancer = balancer;
    this.#endpoint = endpoint;
    this.#clock = clock;
    this.#startedMs = clock.monotonic();
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#sent = true;
    this.#controller = this.#request.began(controller);
  }

  onRequestUpgrade(...[, status, headers, socket]: Parameters<Required<Dispatcher.DispatchHandler>['onRequestUpgrade']>): void {
    this.#learn('success', 0);
    socket.once('close', () => this.#balancer.done(this.#endpoint));
    this.#handler.onRequestUpgrade?.(this.#controller, status, headers, socket);
  }

  onResponseStart(
    ...[controller, status, headers, text]: Parameters<Required<Dispatcher.DispatchHandler>['onResponseStart']>
  ): void {
    if (status >= 200) {
      this.#learn(status < 500 || status === 501 ? 'success' : 'failure', retryAfterMs(headers['retry-after']));
      if (RETRYABLE_STATUS.has(status) && this.#request.goesOnWithout(this.#endpoint, true)) {
        this.#replaced = true;
        this.#balancer.done(this.#endpoint);
        controller.abort(REPLACED);
        return;
      }
    }
    this.#handler.onResponseStart?.(this.#controller, status, headers, text);
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#replaced) this.#handler.onResponseData?.(this.#controller, chunk);
  }

  onResponseEnd(...[, trailers]: Parameters<Required<Dispatcher.DispatchHandler>['onResponseEnd']>): void {
    if (this.#replaced) return;
    this.#balancer.done(this.#endpoint);
    this.#handler.onResponseEnd?.(this.#controller, trailers);
  }

  onResponseError(controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#replaced) return;
    const answered = this.#answered;
    // Who gave up says nothing about the endpoint.
    const cancelled = this.#controller?.aborted ?? controller?.aborted ?? false;
    this.#learn(cancelled ? 'cancelled' : 'failure', 0);
    this.#balancer.done(this.#endpoint, answered && !cancelled);
    if (!answered && this.#request.goesOnWithout(this.#endpoint, this.#sent)) return;
    this.#handler.onResponseError?.(this.#controller ?? controller, error);
  }

  onBodySent(chunk: Buffer): void {
    this.#handler.onBodySent?.(chunk);
  }

  onRequestSent(): void {
    this.#handler.onRequestSent?.();
  }

  #learn(outcome: 'success' | 'failure' | 'cancelled', retryMs: number): void {
    if (this.#answered) return;
    this.#answered = true;
    this.#balancer.answered(this.#endpoint, outcome, this.#clock.monotonic() - this.#startedMs, retryMs);
  }
}

/** What whoever asked holds on to, whichever attempt is running. */
class CurrentController implements Dispatcher.DispatchController {
  current: Dispatcher.DispatchController | undefined;
  #abortedByCaller = false;

  get aborted(): boolean {
    return this.#abortedByCaller;
  }

  get paused(): boolean {
    return this.current?.paused ?? false;
  }

  get reason(): Error | null {
    return this.current?.reason ?? null;
  }

  get rawHeaders(): Dispatcher.DispatchController['rawHeaders'] {
    return this.current?.rawHeaders;
  }

  get rawTrailers(): Dispatcher.DispatchController['rawTrailers'] {
    return this.current?.rawTrailers;
  }

  abort(reason: Error): void {
    this.#abortedByCaller = true;
    this.current?.abort(reason);
  }

  pause(): void {
    this.current?.pause();
  }

  resume(): void {
    this.current?.resume();
  }
}

/** A date is not worth a parse: the longest penalty is minutes. */
function retryAfterMs(value: string | string[] | undefined): number {
  const seconds = Number(value);
  return seconds > 0 ? seconds * 1000 : 0;
}
