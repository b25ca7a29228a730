import type { ServerResponse } from 'node:http';
import { z } from 'zod';
import { count, parseOptions, runtimeFrom, type Runtime } from '../kernel/index.ts';
import type { RoutePolicy } from '../policy/index.ts';
import type { Exchange } from '../ports/index.ts';
import { decidedByList, type Decision } from './decision.ts';
import { limitFields, type FieldChoice } from './http-fields.ts';
import { Limiter } from './limit.ts';
import { listShape } from './options.ts';
import { refusalOf } from './refusal.ts';
import { rulesFromPolicy } from './rule.ts';
import type { Subject } from './subject.ts';

/** Options of the gate: what holds for the limits of every route. */
export const limitGateOptions = z.strictObject({
  ...listShape,
  ipv6Prefix: count(32, 128).default(56).describe('How many leading bits of an IPv6 address count as one client.'),
  apiKeyHeader: z.string().default('x-api-key').describe('Request header that carries the API key.'),
  standardHeaders: z.boolean().default(true).describe('Send RateLimit and RateLimit-Policy.'),
  legacyHeaders: z.boolean().default(true).describe('Send X-RateLimit-Limit, -Remaining and -Reset.'),
  identify: z
    .custom<Identify>((value) => typeof value === 'function', 'a function')
    .optional()
    .describe('Finds user, API key and tier of a request; by default the API key is the header as sent.'),
});

export type LimitGateOptions = z.input<typeof limitGateOptions>;

/** What is known of who sent a request, beside the address. */
export type Identify = (exchange: Exchange) => Omit<Subject, 'ip'>;

/**
 * The limits of every route, asked once per request.
 * @param routes all routes of the policy; each has limits of its own, shared by nobody.
 * @throws ConfigError when options are wrong.
 */
export function createLimitGate(
  routes: readonly RoutePolicy[],
  options: LimitGateOptions = {},
  runtime: Partial<Runtime> = {},
): LimitGate {
  return new LimitGate(routes, parseOptions(limitGateOptions, options, 'createLimitGate(options)'), runtimeFrom(runtime));
}

const NO_LIMIT = decidedByList(true, 'exempt');

export class LimitGate {
  readonly #limiters = new Map<RoutePolicy, Limiter>();
  /** Routes whose limits all go by address, so that a request can be judged before its head is parsed. */
  readonly #byAddressOnly = new Set<RoutePolicy>();
  readonly #fields: FieldChoice;
  readonly #identify: Identify;

  constructor(routes: readonly RoutePolicy[], options: z.output<typeof limitGateOptions>, runtime: Runtime) {
    this.#fields = { standard: options.standardHeaders, legacy: options.legacyHeaders };
    this.#identify = options.identify ?? apiKeyFrom(options.apiKeyHeader.toLowerCase());
    for (const route of routes) {
      if (route.limits.length === 0) continue;
      this.#limiters.set(route, new Limiter(rulesFromPolicy(route.limits, options.ipv6Prefix), options, runtime));
      if (route.limits.every((limit) => limit.by === 'ip')) this.#byAddressOnly.add(route);
    }
  }

  /** May this request go on? Counts it when it may. */
  check(exchange: Exchange): Decision | Promise<Decision> {
    const limiter = this.#limiters.get(exchange.route);
    if (!limiter) return NO_LIMIT;
    return limiter.check({ ...this.#identify(exchange), ip: exchange.clientIp });
  }

  /**
   * The same for an answer that is ready to be written: true counts the request and lets it go; false means that
   * {@link check} must decide, and has counted nothing.
   */
  admitFast(route: RoutePolicy, clientIp: string): boolean {
    const limiter = this.#limiters.get(route);
    if (!limiter) return true;
    return this.#byAddressOnly.has(route) && limiter.admits({ ip: clientIp });
  }

  /** Tells the client where it stands. */
  applyHeaders(decision: Decision, response: ServerResponse): void {
    for (const [name, value] of limitFields(decision, this.#fields)) response.setHeader(name, value);
  }

  /** Answers a refused request: 429 with Retry-After, the RateLimit fields and a problem document. */
  refuse(decision: Decision, exchange: Exchange): void {
    const { status, headers, body } = refusalOf(decision, this.#fields);
    exchange.response.writeHead(status, headers.flat());
    exchange.response.end(exchange.method === 'HEAD' ? undefined : body);
  }

  /** The limiter of a route, for `peek` and `reset`; undefined where it has no limits. */
  limiterOf(route: RoutePolicy): Limiter | undefined {
    return this.#limiters.get(route);
  }
}

function apiKeyFrom(header: string): Identify {
  return (exchange) => {
    const value = exchange.request.headers[header];
    return typeof value === 'string' && value !== '' ? { apiKey: value } : {};
  };
}
