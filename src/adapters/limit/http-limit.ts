import { z } from 'zod';
import { parseOptions, type Runtime } from '../../kernel/index.ts';
import {
  clientAddress,
  createLimiter,
  limitFields,
  misconfigurations,
  refusalOf,
  type Decision,
  type FieldChoice,
  type Limiter,
  type LimiterOptions,
  type Refusal,
  type Subject,
  type TrustedProxies,
} from '../../limit/index.ts';

/** Options that every framework's middleware has, on top of a limiter or of the options to make one. */
export interface HttpLimitOptions<Request> extends LimiterOptions {
  /** A limiter made before, instead of limit options: several middlewares can share one. */
  readonly limiter?: Limiter;
  /** Addresses of your proxies, `'loopback'`, `'private'`, or their number; by default none is trusted. */
  readonly trustProxy?: TrustedProxies;
  /** Who asks: parts of a subject, or the key itself. By default the client's address. */
  readonly keyGenerator?: (request: Request, ip: string | undefined) => Subject | string | Promise<Subject | string>;
  /** Units the request takes; 1 by default. */
  readonly cost?: number | ((request: Request) => number);
  /** True lets the request by uncounted. */
  readonly skip?: (request: Request) => boolean;
  /** Give units back when the answer's status is 400 or more: only successes count. */
  readonly skipFailedRequests?: boolean;
  /** Give units back when the answer's status is below 400: only failures count, as for signing in. */
  readonly skipSuccessfulRequests?: boolean;
  /** Send `RateLimit` and `RateLimit-Policy`; true by default. */
  readonly standardHeaders?: boolean;
  /** Send `X-RateLimit-*`; true by default. */
  readonly legacyHeaders?: boolean;
  /** Body of a refusal instead of the problem document: text, or a value to send as JSON. */
  readonly message?: unknown;
  /** Status of a refusal by quota instead of 429. */
  readonly statusCode?: number;
}

/** What an adapter knows of a request. */
export interface RequestFacts {
  /** Who is at the other end of the connection. */
  readonly peer: string | undefined;
  readonly forwardedFor: string | undefined;
  /** The client's address as the framework itself has found it, where it has its own setting for proxies. */
  readonly frameworkIp?: string | undefined;
}

export const ownOptions = z.object({
  trustProxy: z.union([z.array(z.string()), z.int().min(0)]).optional(),
  keyGenerator: z.custom((value) => value === undefined || typeof value === 'function', 'a function').optional(),
  skip: z.custom((value) => value === undefined || typeof value === 'function', 'a function').optional(),
  skipFailedRequests: z.boolean().default(false),
  skipSuccessfulRequests: z.boolean().default(false),
  standardHeaders: z.boolean().default(true),
  legacyHeaders: z.boolean().default(true),
  statusCode: z.int().min(400).max(599).optional(),
});

const OWN_NAMES = new Set(['limiter', 'cost', 'message', ...Object.keys(ownOptions.shape)]);
const WATCHED_REQUESTS = 10_000;
const EVERYONE = new Set<unknown>(['0.0.0.0/0', '::/0']);

/** The part of limiting that is the same in every framework: whom to count, how much, and what to answer. */
export class HttpLimit<Request extends object> {
  readonly limiter: Limiter;
  readonly #options: HttpLimitOptions<Request>;
  readonly #fields: FieldChoice;
  readonly #findClient: ReturnType<typeof clientAddress>;
  /** Whether units are given back by what the answer is. */
  readonly dependsOnAnswer: boolean;
  readonly #counted: WeakSet<object>;
  #requests = 0;

  constructor(options: HttpLimitOptions<Request>, runtime?: Partial<Runtime>) {
    const own = parseOptions(ownOptions, options, 'limit options');
    this.#options = options;
    this.#fields = { standard: own.standardHeaders, legacy: own.legacyHeaders };
    this.limiter = options.limiter ?? createLimiter(withoutOwn(options), runtime);
    this.#counted = countedBy(this.limiter);
    this.#findClient = clientAddress(options.trustProxy ?? []);
    this.dependsOnAnswer = own.skipFailedRequests || own.skipSuccessfulRequests;
    if (Array.isArray(own.trustProxy) && own.trustProxy.some((range) => EVERYONE.has(range)))
      misconfigurations.warn('everyoneTrusted');
  }

  /**
   * The decision about a request; undefined: let it by uncounted. Synchronous while the limiter is. Delays of slow-down
   * are over when it comes.
   */
  decide(request: Request, facts: RequestFacts): Decision | Promise<Decision> | undefined {
    if (this.#options.skip?.(request)) return undefined;
    if (this.#requests < WATCHED_REQUESTS) this.#watch(request);
    const subject = this.#subjectOf(request, facts);
    const decision =
      subject instanceof Promise ? subject.then((settled) => this.#check(request, settled)) : this.#check(request, subject);
    if (decision instanceof Promise)
      return decision.then((settled) => (settled.delayMs > 0 ? this.limiter.hold(settled) : settled));
    return decision.delayMs > 0 ? this.limiter.hold(decision) : decision;
  }

  /** Fields that tell the client where it stands. */
  fields(decision: Decision): [name: string, value: string][] {
    return limitFields(decision, this.#fields);
  }

  /** The answer to a refused request. */
  refusal(decision: Decision): Refusal {
    const refusal = refusalOf(decision, this.#fields);
    const { message, statusCode } = this.#options;
    const status = refusal.status === 429 ? (statusCode ?? 429) : refusal.status;
    if (message === undefined) return { ...refusal, status };
    const body = typeof message === 'string' ? message : JSON.stringify(message);
    return {
      status,
      headers: [
        ...this.fields(decision),
        ['content-type', typeof message === 'string' ? 'text/plain; charset=utf-8' : 'application/json'],
        ['content-length', String(Buffer.byteLength(body))],
        ['cache-control', 'no-store'],
      ],
      body,
    };
  }

  /** Gives units back where the answer's status says so. */
  answered(decision: Decision, status: number): void {
    const { skipFailedRequests = false, skipSuccessfulRequests = false } = this.#options;
    if (decision.allowed && (status >= 400 ? skipFailedRequests : skipSuccessfulRequests)) void this.limiter.refund(decision);
  }

  /** A set-up that counts twice does so from the start; watching for ever would cost every request. */
  #watch(request: Request): void {
    this.#requests++;
    if (this.#counted.has(request)) misconfigurations.warn('countedTwice');
    this.#counted.add(request);
  }

  #check(request: Request, subject: Subject | string): Decision | Promise<Decision> {
    const { cost } = this.#options;
    return this.limiter.check(subject, { cost: typeof cost === 'function' ? cost(request) : (cost ?? 1) });
  }

  #subjectOf(request: Request, facts: RequestFacts): Subject | string | Promise<Subject | string> {
    const { trustProxy, keyGenerator } = this.#options;
    const ip = this.#clientOf(facts);
    if (trustProxy === undefined && facts.forwardedFor !== undefined && ip === facts.peer && ip !== undefined)
      misconfigurations.warn('proxyNotTrusted');
    if (keyGenerator) return keyGenerator(request, ip);
    if (ip === undefined) misconfigurations.warn('noAddress');
    return { ip };
  }

  #clientOf({ peer, forwardedFor, frameworkIp }: RequestFacts): string | undefined {
    if (this.#options.trustProxy === undefined) return frameworkIp ?? peer;
    return peer === undefined ? undefined : this.#findClient(peer, forwardedFor);
  }
}

/** Requests that each limiter has counted, whichever of its middlewares did. */
const counted = new WeakMap<Limiter, WeakSet<object>>();

function countedBy(limiter: Limiter): WeakSet<object> {
  let requests = counted.get(limiter);
  if (!requests) counted.set(limiter, (requests = new WeakSet()));
  return requests;
}

function withoutOwn<Request>(options: HttpLimitOptions<Request>): LimiterOptions {
  return Object.fromEntries(Object.entries(options).filter(([name]) => !OWN_NAMES.has(name)));
}
