import type { Runtime } from '../../kernel/index.ts';
import type { Decision, LimiterOptions } from '../../limit/index.ts';
import { HttpLimit, type HttpLimitOptions } from './http-limit.ts';

/** What the plugin uses of Fastify 5. */
interface FastifyRequest {
  readonly ip: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly socket: { readonly remoteAddress?: string | undefined };
  readonly routeOptions: { readonly config?: unknown };
}

interface FastifyReply {
  readonly statusCode: number;
  code(status: number): this;
  headers(fields: Record<string, string>): this;
  send(body: string): this;
}

interface FastifyInstance {
  decorateRequest(name: string, value: null): unknown;
  addHook(name: 'onRequest', hook: (request: never, reply: never) => Promise<unknown>): unknown;
  addHook(name: 'onResponse', hook: (request: never, reply: never) => Promise<void>): unknown;
  addHook(name: 'onRoute', hook: (route: { config?: unknown; url: string }) => void): unknown;
}

export type FastifyLimitOptions = HttpLimitOptions<object>;

/** A route's `config.rateLimit`: false leaves the route alone; options give it a limit of its own. */
export type FastifyRouteLimit = false | LimiterOptions;

/**
 * A Fastify 5 plugin: `app.register(fastifyLimit, { limit: 100, window: '1m' })`. It holds for every route registered
 * after it in the same context. The client's address is `request.ip`, so Fastify's own `trustProxy` holds unless
 * `trustProxy` is given here. The decision is left in `request.rateLimit`.
 */
export async function fastifyLimit(
  fastify: FastifyInstance,
  options: FastifyLimitOptions & { runtime?: Partial<Runtime> },
): Promise<void> {
  const { runtime, ...rest } = options;
  const common = new HttpLimit<object>(rest, runtime);
  const ofRoutes = new Map<unknown, HttpLimit<object>>();
  const decided = new WeakMap<object, { readonly limit: HttpLimit<object>; readonly decision: Decision }>();
  fastify.decorateRequest('rateLimit', null);

  fastify.addHook('onRoute', ({ config }) => {
    const own = routeLimitOf(config);
    if (own && !ofRoutes.has(own)) ofRoutes.set(own, new HttpLimit<object>({ ...ownAlone(rest), ...own }, runtime));
  });
  fastify.addHook('onRequest', async (request: FastifyRequest & { rateLimit: Decision }, reply: FastifyReply) => {
    const own = routeLimitOf(request.routeOptions.config);
    if (own === false) return;
    const limit = ofRoutes.get(own) ?? common;
    const decision = await limit.decide(request, factsOf(request));
    if (!decision) return;
    request.rateLimit = decision;
    decided.set(request, { limit, decision });
    if (decision.allowed) return void reply.headers(Object.fromEntries(limit.fields(decision)));
    const { status, headers, body } = limit.refusal(decision);
    return reply.code(status).headers(Object.fromEntries(headers)).send(body);
  });
  if (!common.dependsOnAnswer) return;
  fastify.addHook('onResponse', async (request: FastifyRequest, reply: FastifyReply) => {
    const known = decided.get(request);
    known?.limit.answered(known.decision, reply.statusCode);
  });
}

// Without these Fastify would keep the hooks to a context of the plugin's own.
Object.assign(fastifyLimit, {
  [Symbol.for('skip-override')]: true,
  [Symbol.for('fastify.display-name')]: 'spillway-limit',
  [Symbol.for('plugin-meta')]: { name: 'spillway-limit', fastify: '5.x' },
});

function routeLimitOf(config: unknown): FastifyRouteLimit | undefined {
  return (config as { rateLimit?: FastifyRouteLimit } | undefined)?.rateLimit;
}

/** The options that are not about limits: a route's own limit takes the place of the plugin's. */
function ownAlone({
  trustProxy,
  keyGenerator,
  standardHeaders,
  legacyHeaders,
  skip,
  store,
}: FastifyLimitOptions): Partial<FastifyLimitOptions> {
  return Object.fromEntries(
    Object.entries({ trustProxy, keyGenerator, standardHeaders, legacyHeaders, skip, store }).filter(
      ([, value]) => value !== undefined,
    ),
  );
}

function factsOf(request: FastifyRequest) {
  const forwardedFor = request.headers['x-forwarded-for'];
  return {
    peer: request.socket.remoteAddress,
    forwardedFor: Array.isArray(forwardedFor) ? forwardedFor.join(',') : forwardedFor,
    frameworkIp: request.ip,
  };
}
