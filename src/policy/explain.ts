import { formatDuration, nearestName } from '../kernel/index.ts';
import type { RouteTable } from './route-table.ts';
import { PRIORITIES, type LimitPolicy, type PageCachePolicy, type Provenance, type RouteMatch } from './types.ts';

/** Every decision about one URL, layer by layer, in the order a request meets them. */
export interface Explanation {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  /** Pattern of the route; undefined: no route matches, and the gateway answers 404. */
  readonly route: string | undefined;
  readonly sections: readonly ExplainSection[];
  /** What to look at when no route matches. */
  readonly hint?: string;
}

export interface ExplainSection {
  /** The room that decides. */
  readonly layer: string;
  /** What it decides, in a few words. */
  readonly title: string;
  readonly lines: readonly ExplainLine[];
}

export interface ExplainLine {
  readonly name: string;
  readonly value: string;
  /** Who decided it; absent where it follows from the request or from the lines above. */
  readonly provenance?: Provenance;
}

/** Lets a room say what it would do with the request. Undefined: nothing to say. */
export type ExplainLayer = (
  match: RouteMatch,
  request: { readonly method: string; readonly path: string; readonly query: string },
) => ExplainSection | undefined;

export function explain(policy: RouteTable, method: string, url: string, layers: readonly ExplainLayer[]): Explanation {
  const { pathname, search } = new URL(url, 'http://spillway.invalid');
  const request = { method: method.toUpperCase(), path: pathname, query: search.slice(1) };
  const match = policy.match(request.method, request.path);
  if (!match) return { ...request, route: undefined, sections: [], ...hintFor(policy, request.path) };
  const own = [routeSection, limitSection, pageSection, tagSection, shedSection, upstreamSection, headerSection];
  const sections = [...own.map((section) => section(match, policy)), ...layers.map((layer) => layer(match, request))];
  return { ...request, route: match.route.pattern, sections: sections.filter((section) => section !== undefined) };
}

function hintFor(policy: RouteTable, path: string): { hint: string } {
  const near = nearestName(
    path,
    policy.routes.map((route) => route.pattern),
  );
  return { hint: near ? `the nearest pattern is '${near}'` : `a route '/**' would serve everything that no other does` };
}

function routeSection({ route, params }: RouteMatch): ExplainSection {
  return {
    layer: 'policy',
    title: 'which route and class',
    lines: [
      { name: 'route', value: route.pattern, provenance: route.provenance['pattern'] },
      ...Object.entries(params).map(([name, value]) => ({ name: `:${name}`, value })),
      { name: 'class', value: route.className, provenance: route.provenance['class'] },
      ...(route.sloP95Ms === undefined
        ? []
        : [{ name: 'slo', value: `p95 within ${formatDuration(route.sloP95Ms)}`, provenance: route.provenance['slo'] }]),
    ].map(line),
  };
}

function limitSection({ route }: RouteMatch): ExplainSection {
  const provenance = route.provenance['limit'];
  const lines = route.limits.map((limit) => line({ name: 'limit', value: limitText(limit), provenance }));
  return {
    layer: 'limit',
    title: `a client's quota`,
    lines: lines.length > 0 ? lines : [line({ name: 'limit', value: 'none', provenance })],
  };
}

const LIMIT_SUBJECT = { ip: 'address', user: 'user', apiKey: 'API key' } as const;

function limitText({ limit, windowMs, by, algorithm, burst }: LimitPolicy): string {
  const pace = algorithm === 'smooth' ? `, smooth${burst === undefined ? '' : ` with a burst of ${burst}`}` : '';
  return `${limit} in ${formatDuration(windowMs)} per ${LIMIT_SUBJECT[by]}${pace}`;
}

/** What is made anew only later stays in the store until then: the low class, for one. */
function storeTimes({ storeTtlMs, revalidateMs }: PageCachePolicy): string {
  const said = `${formatDuration(storeTtlMs)} in the shared store`;
  return storeTtlMs < revalidateMs ? `${said}; a page stays until it is made anew` : said;
}

function pageSection({ route }: RouteMatch): ExplainSection {
  const { cache, provenance } = route;
  const title = 'what is stored, and how long';
  if (!cache) return { layer: 'page', title, lines: [line({ name: 'cache', value: 'never', provenance: provenance['cache'] })] };
  const by = (name: string, value: string, key = name): ExplainLine => line({ name, value, provenance: provenance[key] });
  const freshness =
    cache.freshness === 'policy'
      ? by('freshness', 'policy: the times below, unless the origin forbids storing')
      : by('freshness', `origin: the origin's own headers decide`);
  const times =
    cache.freshness === 'policy'
      ? [
          by('revalidate', `made anew behind the stored one at an age of ${formatDuration(cache.revalidateMs)}`),
          by('memoryTtl', `${formatDuration(cache.memoryTtlMs)} in each process`),
          by('storeTtl', storeTimes(cache)),
          by('forceAfter', `made anew whatever else at an age of ${formatDuration(cache.forceAfterMs)}`),
        ]
      : [];
  return {
    layer: 'page',
    title,
    lines: [
      freshness,
      ...times,
      by('grace', `${formatDuration(cache.graceMs)} stale while a new one is made or the origin fails`),
      by('query', cache.query === 'all' ? 'every parameter makes a page' : listText(cache.query, 'no parameter makes a page')),
      ...(cache.varyHeaders.length > 0 ? [by('varyHeaders', cache.varyHeaders.join(', '))] : []),
      ...(cache.varyCookies.length > 0 ? [by('varyCookies', cache.varyCookies.join(', '))] : []),
    ],
  };
}

function listText(names: readonly string[], none: string): string {
  return names.length === 0 ? none : `only ${names.join(', ')}`;
}

function tagSection(match: RouteMatch, policy: RouteTable): ExplainSection | undefined {
  const tags = policy.tagsFor(match);
  if (tags.length === 0) return undefined;
  const provenance = match.route.provenance['tags'];
  return { layer: 'page', title: 'tags to purge by', lines: tags.map((value) => line({ name: 'tag', value, provenance })) };
}

function shedSection({ route }: RouteMatch): ExplainSection {
  const before = PRIORITIES.slice(PRIORITIES.indexOf(route.priority) + 1).toReversed();
  const order = before.length === 0 ? 'first to be refused' : `refused after ${before.join(', ')}`;
  return {
    layer: 'shed',
    title: 'when there is too much to do',
    lines: [line({ name: 'priority', value: `${route.priority}: ${order}`, provenance: route.provenance['priority'] })],
  };
}

function upstreamSection({ route }: RouteMatch, policy: RouteTable): ExplainSection {
  const title = 'who answers';
  const timeout = line({
    name: 'timeout',
    value: `${formatDuration(route.timeoutMs)} until the head of the answer`,
    provenance: route.provenance['timeout'],
  });
  const name = route.upstream;
  const upstream = name === undefined ? undefined : policy.config.upstreams[name];
  if (name === undefined || !upstream)
    return { layer: 'balance', title, lines: [{ name: 'upstream', value: 'the application itself' }, timeout] };
  const at = (key: string): Provenance => policy.provenanceOf(['upstreams', name, key]);
  return {
    layer: 'balance',
    title,
    lines: [
      line({ name: 'upstream', value: name, provenance: route.provenance['upstream'] }),
      { name: 'endpoints', value: upstream.endpoints.map((endpoint) => endpoint.url).join(', '), provenance: at('endpoints') },
      { name: 'strategy', value: upstream.strategy, provenance: at('strategy') },
      timeout,
    ],
  };
}

function headerSection({ route }: RouteMatch): ExplainSection {
  const { cacheControl, cdnCacheControl, surrogateControl } = route.headers;
  const title = 'headers sent';
  if (cacheControl === undefined || cdnCacheControl === undefined || surrogateControl === undefined)
    return { layer: 'cdn', title, lines: [{ name: 'to everyone', value: `the origin's own` }] };
  const { browserTtl, cdnTtl } = route.provenance;
  return {
    layer: 'cdn',
    title,
    lines: [
      line({ name: 'to browsers', value: `Cache-Control: ${cacheControl}`, provenance: browserTtl }),
      line({ name: 'to Cloudflare', value: `CDN-Cache-Control: ${cdnCacheControl}`, provenance: cdnTtl }),
      line({ name: 'to Fastly', value: `Surrogate-Control: ${surrogateControl}`, provenance: cdnTtl }),
      line({ name: 'to CloudFront', value: `Cache-Control: ${cacheControl}`, provenance: cdnTtl }),
    ],
  };
}

/** A line without a member that says nothing. */
function line({ name, value, provenance }: { name: string; value: string; provenance?: Provenance | undefined }): ExplainLine {
  return provenance ? { name, value, provenance } : { name, value };
}
