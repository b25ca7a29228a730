/** What happens to a request, from the gateway's hands to an answer: guard ─▶ limit ─▶ page ─▶ shed ─▶ upstream. */
import { sendProblem, type BatchRefusal, type PlainExchange, type Proxy } from './gateway/index.ts';
import type { Decision, LimitGate } from './limit/index.ts';
import type { Pages } from './page/index.ts';
import type { RoutePolicy } from './policy/index.ts';
import type { Exchange } from './ports/index.ts';
import { refuseShed, shedOnMiss, type AdmissionRequest, type Shedder } from './shed/index.ts';

/** Knows what is in flight, and what must not be any more; a worker of the cluster has one. */
export interface RequestGuard {
  begin(request: Pick<Exchange, 'method' | 'path' | 'query'>): { readonly refusedForMs: number; end(): void };
}

/** Answers a POST of several requests, which go through {@link RequestPath.admitOfBatch}. */
export interface BatchRoute {
  readonly path: string;
  answer(exchange: Exchange): void;
}

export interface RequestPathParts {
  readonly guard: RequestGuard | undefined;
  readonly limits: LimitGate;
  readonly pages: Pages;
  readonly shedder: Shedder;
  readonly proxy: Proxy;
  /** The subscription tier of whoever sent a request. */
  readonly tierOf: ((exchange: Exchange) => string | undefined) | undefined;
}

export class RequestPath {
  batch: BatchRoute | undefined;
  readonly #parts: RequestPathParts;

  constructor(parts: RequestPathParts) {
    this.#parts = parts;
  }

  /** Answers the request, now or later. */
  handle(exchange: Exchange): void {
    const { guard } = this.#parts;
    if (guard && !passes(guard, exchange)) return;
    this.#limit(exchange);
  }

  /**
   * The same for a plain request straight from its socket: what is only passed on. False leaves it to {@link handle}, for
   * pages, limits and tiers need the whole of the request.
   */
  handlePlain(exchange: PlainExchange): boolean {
    const { guard, shedder, proxy, tierOf } = this.#parts;
    const { route } = exchange;
    if (route.cache || route.limits.length > 0 || tierOf) return false;
    if (guard && !passes(guard, exchange)) return true;
    const admission = shedder.admit(route);
    if (admission.admitted) return proxy.passPlain(exchange);
    refuseShed(admission, exchange);
    return true;
  }

  /** Whether one request of a batch may be served; what it is told when it may not. */
  async admitOfBatch(exchange: Exchange): Promise<BatchRefusal | undefined> {
    const { limits, shedder } = this.#parts;
    const decision = await limits.check(exchange);
    if (!decision.allowed) return { status: 429, detail: `The limit ${decision.policy} is reached.` };
    const admission = shedder.admit(this.#admissionOf(exchange));
    return admission.admitted ? undefined : { status: 503, detail: 'This request was set aside for more urgent ones.' };
  }

  #limit(exchange: Exchange): void {
    const { shedder, limits } = this.#parts;
    shedder.turn();
    if (exchange.route.limits.length === 0) return this.#serve(exchange);
    const decision = limits.check(exchange, exchange.startedMs);
    if (decision instanceof Promise) void decision.then((late) => this.#decided(late, exchange));
    else this.#decided(decision, exchange);
  }

  #decided(decision: Decision, exchange: Exchange): void {
    if (!decision.allowed || decision.delayMs === 0) return this.#settled(decision, exchange);
    void this.#parts.limits.hold(decision, exchange).then((held) => this.#settled(held, exchange));
  }

  #settled(decision: Decision, exchange: Exchange): void {
    const { limits } = this.#parts;
    if (!decision.allowed) return limits.refuse(decision, exchange);
    limits.applyHeaders(decision, exchange.response);
    this.#serve(exchange);
  }

  #serve(exchange: Exchange): void {
    const { pages, shedder, proxy } = this.#parts;
    if (this.batch && exchange.path === this.batch.path) return this.batch.answer(exchange);
    if (exchange.route.cache) return pages.serve(exchange, shedOnMiss(shedder, proxy, this.#admissionOf(exchange)));
    const admission = shedder.admit(this.#admissionOf(exchange));
    if (admission.admitted) proxy.pass(exchange);
    else refuseShed(admission, exchange);
  }

  /** Without tiers the route says all there is to say. */
  #admissionOf(exchange: Exchange): RoutePolicy | AdmissionRequest {
    const { route } = exchange;
    const tier = this.#parts.tierOf?.(exchange);
    return tier === undefined ? route : { priority: route.priority, className: route.className, tier };
  }
}

/** False when the request was refused: requests like it have ended process after process. */
function passes(guard: RequestGuard, exchange: Exchange | PlainExchange): boolean {
  const { response, requestId } = exchange;
  const { refusedForMs, end } = guard.begin(exchange);
  if (refusedForMs > 0) {
    const detail = 'Requests like this one have ended the processes that worked on them. They are not served for a while.';
    const fields = ['retry-after', String(Math.ceil(refusedForMs / 1000)), ...(exchange.ownFields ?? [])];
    sendProblem(response, { status: 503, detail, requestId }, fields);
    return false;
  }
  response.on('close', end);
  return true;
}
