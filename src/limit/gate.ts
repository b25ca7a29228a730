import type { ServerResponse } from 'node:http';
import { z } from 'zod';
import { count, parseOptions, runtimeFrom, type Runtime } from '../kernel/index.ts';
import type { RoutePolicy } from '../policy/index.ts';
import type { Exchange } from '../ports/index.ts';
import { misconfigurations } from './checks.ts';
import { decidedWithoutLimits, type Decision } from './decision.ts';
import { FieldBytes } from './field-bytes.ts';
import { limitFields, type FieldChoice } from './http-fields.ts';
import { PolicyLimiter, type Limiter } from './limit.ts';
import { listShape, storeShape } from './options.ts';
import { refusalOf } from './refusal.ts';
import { rulesFromPolicy } from './rule.ts';
import type { Subject } from './subject.ts';

/** Options of the gate: what holds for the limits of every route. */
export const limitGateOptions = z.strictObject({
  ...listShape,
  ...storeShape,
  ipv6Prefix: count(32, 128).default(56).describe('How many leading bits of an IPv6 address count as one client.'),
  apiKeyHeader: z.string().default('x-api-key').describe('Request header that carries the API key.'),
  standardHeaders: z.boolean().default(true).describe('Send RateLimit and RateLimit-Policy.'),
  legacyHeaders: z.boolean().default(true).describe('Send X-RateLimit-Limit, -Remaining and -Reset.'),
  identify: z
    .custom<Identify>((value) => typeof value === 'function', 'a function')
    .optional()
    .describe('Finds user, API key and tier of a request; by default the API key is the header as sent.'),
  tierOf: z
    .custom<(exchange: Exchange) => string | undefined>((value) => typeof value === 'function', 'a function')
    .optional()
    .describe('Finds the subscription tier, where that is all that is to be found.'),
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

const NO_LIMIT = decidedWithoutLimits(true, 'exempt');

export class LimitGate {
  readonly #limiters = new Map<RoutePolicy, PolicyLimiter>();
  /** Routes where the address alone decides, and at once, so that a request can be judged before its head is parsed. */
  readonly #byAddressOnly = new Map<RoutePolicy, FastLimit>();
  readonly #fields: FieldChoice;
  readonly #identify: Identify;

  constructor(routes: readonly RoutePolicy[], options: z.output<typeof limitGateOptions>, runtime: Runtime) {
    this.#fields = { standard: options.standardHeaders, legacy: options.legacyHeaders };
    this.#identify = options.identify ?? identifyBy(options.apiKeyHeader.toLowerCase(), options.tierOf);
    const identityMatters =
      (options.identify ?? options.tierOf) !== undefined &&
      Object.keys(options.tiers).length + options.allow.length + options.deny.length > 0;
    const mayHoldBack = options.slowDown !== undefined;
    for (const route of routes) {
      if (route.limits.length === 0) continue;
      const rules = rulesFromPolicy(route.limits, options.ipv6Prefix, options.leases);
      const limiter = new PolicyLimiter(rules, { ...options, scope: route.pattern }, runtime);
      this.#limiters.set(route, limiter);
      if (!identityMatters && !mayHoldBack && route.limits.every((limit) => limit.by === 'ip'))
        this.#byAddressOnly.set(route, { limiter, fields: new FieldBytes(this.#fields) });
      if (!options.identify && route.limits.every((limit) => limit.by === 'apiKey')) misconfigurations.warn('unverifiedApiKey');
    }
  }

  /**
   * May this request go on? Counts it when it may.
   * @param nowMs the time, where the request has just begun and `exchange.startedMs` says it.
   */
  check(exchange: Exchange, nowMs?: number): Decision | Promise<Decision> {
    const limiter = this.#limiters.get(exchange.route);
    if (!limiter) return NO_LIMIT;
    return limiter.check({ ...this.#identify(exchange), ip: exchange.clientIp }, { nowMs });
  }

  /**
   * The same for an answer that is ready to be written. A request that may go was counted, and there may be field lines to
   * send along, each with its line break, which hold until the next call; false when {@link check} must decide, and nothing
   * was counted.
   * @param nowMs the time, as `check` takes it.
   */
  admitFast(route: RoutePolicy, clientIp: string, nowMs?: number): Buffer | boolean {
    if (route.limits.length === 0) return true;
    const fast = this.#byAddressOnly.get(route);
    const decision = fast?.limiter.checkNow({ ip: clientIp }, nowMs);
    return decision !== undefined && fast!.fields.of(decision);
  }

  /**
   * Waits out an allowed decision's `delayMs` (slow-down). Go by the decision that comes back: it is a refusal where too
   * many requests wait already.
   */
  hold(decision: Decision, exchange: Exchange): Promise<Decision> {
    return this.#limiters.get(exchange.route)?.hold(decision) ?? Promise.resolve(decision);
  }

  /** Tells the client where it stands. */
  applyHeaders(decision: Decision, response: ServerResponse): void {
    for (const [name, value] of limitFields(decision, this.#fields)) response.setHeader(name, value);
  }

  /** Answers a refused request: 429 with Retry-After, the RateLimit fields and a problem document. */
  refuse(decision: Decision, exchange: Exchange): void {
    const { status, headers, body } = refusalOf(decision, this.#fields);
    exchange.response.writeHead(status, [...headers.flat(), ...(exchange.ownFields ?? [])]);
    exchange.response.end(exchange.method === 'HEAD' ? undefined : body);
  }

  /** The limiter of a route, for `peek` and `reset`; undefined where it has no limits. */
  limiterOf(route: RoutePolicy): Limiter | undefined {
    return this.#limiters.get(route);
  }

  /**
   * Where a client stands with every limit that counts it, for `spillway limits peek`.
   * @param key an address, `user:<name>` or `key:<API key>`.
   * @param pattern only this route.
   */
  async peek(key: string, pattern?: string): Promise<LimitStanding[]> {
    const standings: LimitStanding[] = [];
    for (const [route, limiter] of this.#limitersOn(pattern)) {
      for (const { policy, limit, remaining, resetMs } of (await limiter.peek(subjectFrom(key))).states)
        standings.push({ route: route.pattern, policy, limit, remaining, resetMs });
    }
    return standings;
  }

  /** Forgets what a client has used, on one route or on all. */
  async reset(key: string, pattern?: string): Promise<void> {
    for (const [, limiter] of this.#limitersOn(pattern)) await limiter.reset(subjectFrom(key));
  }

  #limitersOn(pattern: string | undefined): [RoutePolicy, PolicyLimiter][] {
    return [...this.#limiters].filter(([route]) => pattern === undefined || route.pattern === pattern);
  }

  /** Ends timers; the store stays open. */
  close(): void {
    for (const limiter of this.#limiters.values()) limiter.close();
  }
}

interface FastLimit {
  readonly limiter: PolicyLimiter;
  readonly fields: FieldBytes;
}

/** A client's standing with one limit of one route. */
export interface LimitStanding {
  readonly route: string;
  readonly policy: string;
  readonly limit: number;
  readonly remaining: number;
  readonly resetMs: number;
}

/** `user:42` and `key:…` as themselves, anything else as an address. */
function subjectFrom(key: string): Subject {
  if (key.startsWith('user:')) return { user: key.slice('user:'.length) };
  if (key.startsWith('key:')) return { apiKey: key.slice('key:'.length) };
  return { ip: key };
}

function identifyBy(header: string, tierOf: ((exchange: Exchange) => string | undefined) | undefined): Identify {
  return (exchange) => {
    const value = exchange.request.headers[header];
    const tier = tierOf?.(exchange);
    return { ...(typeof value === 'string' && value !== '' && { apiKey: value }), ...(tier !== undefined && { tier }) };
  };
}
