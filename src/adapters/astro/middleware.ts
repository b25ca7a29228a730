import { ConfigError, nearestName } from '../../kernel/index.ts';
import { createPolicy, type Policy, type RoutePolicy } from '../../policy/index.ts';
import type { Middleware, MiddlewareContext } from './astro-types.ts';
import { NOT_STORED, tagField, timesOf, type Fields, type Terms } from './fields.ts';
import { policyOf, type AstroOptions } from './options.ts';
import type { SpillwayLocals } from './locals.ts';

/**
 * Tells caches downstream how long a page is good for and what it depends on. A page that is to be kept is rendered to its
 * end before its head is sent: so its components can add tags too, and a page that breaks while it renders is an error, not
 * half a page in a cache. Answers that set cookies, or are no 200, are left as they are.
 * @throws ConfigError when a class or a route is wrong.
 */
export function createAstroMiddleware(options: AstroOptions = {}): Middleware {
  const policy = createPolicy(policyOf(options));
  return async (context, next) => {
    const match = policy.match(context.request.method, context.url.pathname);
    const locals: SpillwayLocals = {
      tags: new Set(match && policy.tagsFor(match)),
      class: match?.route.className,
      store: true,
    };
    Object.assign(context.locals, { spillway: locals });
    const response = await next();
    if (context.isPrerendered || !isForEverybody(context, response)) return response;
    const timesNow = (): Fields | undefined => timesOf(context.cache?.options ?? {}, termsOf(policy, locals, match?.route));
    const whole = locals.store && timesNow() ? new Response(await response.arrayBuffer(), response) : response;
    // What the page says, a component that renders late may have said too.
    if (!locals.store || !isForEverybody(context, whole)) return withFields(whole, NOT_STORED);
    const tags = [...listed(whole.headers.get('cache-tag')), ...locals.tags, ...(context.cache?.options.tags ?? [])];
    return withFields(whole, { ...(!saysTimes(whole) && timesNow()), 'cache-tag': tagField(tags) });
  };
}

function isForEverybody({ request, cookies }: MiddlewareContext, { status, headers }: Response): boolean {
  if (request.method !== 'GET' && request.method !== 'HEAD') return false;
  return status === 200 && !headers.has('set-cookie') && [...cookies.headers()].length === 0;
}

/** The page has sent fields of its own. */
function saysTimes({ headers }: Response): boolean {
  return headers.has('cache-control') || headers.has('cdn-cache-control');
}

function termsOf({ classes }: Policy, { class: name }: SpillwayLocals, route: RoutePolicy | undefined): Terms | undefined {
  if (name === undefined || name === route?.className) return route;
  const known = classes[name];
  if (known) return known;
  const near = nearestName(name, Object.keys(classes));
  const fix = near ? { fix: `did you mean '${near}'?` } : {};
  throw new ConfigError('Astro.locals.spillway', [{ path: 'class', message: `there is no class '${name}'`, ...fix }]);
}

function listed(field: string | null): string[] {
  return (field ?? '')
    .split(',')
    .map((tag) => tag.trim())
    .filter(Boolean);
}

function withFields(response: Response, fields: Fields): Response {
  for (const [name, value] of Object.entries(fields)) if (value !== undefined) response.headers.set(name, value);
  return response;
}
