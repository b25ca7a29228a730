import type { IncomingHttpHeaders } from 'node:http';
import { changedNotice, changePriceByApi, changePriceByForm, pricesPage } from './admin.ts';
import { json, problem, redirect, type Answer } from './answer.ts';
import { listPlans, showPlan } from './api.ts';
import { vocabulary, type FilterName } from './filters.ts';
import { cityPage, cityPath } from './pages/city.ts';
import { notFoundPage } from './pages/errors.ts';
import { homePage, letterPage } from './pages/home.ts';
import { planPage } from './pages/plan.ts';
import { searchPage } from './pages/search.ts';
import type { Site } from './site.ts';
import { robots, sitemap } from './sitemap.ts';

export interface Asked {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

type Handler = (site: Site, asked: Asked, url: URL, part: string[]) => Promise<Answer | undefined> | Answer | undefined;

/** Every address of the site. A handler that answers undefined has no such page. */
const ROUTES: readonly (readonly [method: 'GET' | 'POST', path: RegExp, handler: Handler])[] = [
  ['GET', /^\/$/, (site) => homePage(site)],
  ['GET', /^\/electricity-plans\/([^/]+)$/, (site, _, __, [city]) => showCity(site, city!, undefined)],
  ['GET', /^\/electricity-plans\/([^/]+)\/([^/]+)$/, (site, _, __, [city, filters]) => showCity(site, city!, filters)],
  ['GET', /^\/electricity-plans$/, () => redirect('/')],
  [
    'GET',
    /^\/plans\/(\d{1,9})$/,
    async (site, _, __, [id]) => {
      const plan = await site.store.plan(Number(id));
      return plan && String(plan.id) === id ? planPage(site, plan) : undefined;
    },
  ],
  ['GET', /^\/cities\/([a-z])$/, (site, _, __, [letter]) => letterPage(site, letter!)],
  ['GET', /^\/search$/, (site, _, url) => searchPage(site, url.searchParams.get('q') ?? '')],
  ['GET', /^\/api\/plans$/, (site, _, url) => listPlans(site, url.searchParams)],
  ['GET', /^\/api\/plans\/(\d{1,9})$/, (site, _, __, [id]) => showPlan(site, Number(id))],
  [
    'POST',
    /^\/api\/admin\/plans\/(\d{1,9})\/price$/,
    (site, asked, _, [id]) => changePriceByApi(site, Number(id), asked.headers.authorization, asked.body),
  ],
  [
    'GET',
    /^\/admin\/prices$/,
    async (site, _, url) => pricesPage(site, await changedNotice(site, Number(url.searchParams.get('changed')) || 0)),
  ],
  ['POST', /^\/admin\/prices$/, (site, asked) => changePriceByForm(site, asked.body)],
  ['GET', /^\/(sitemap(?:-\d{1,4})?\.xml)$/, (site, _, __, [name]) => sitemap(site, name!)],
  ['GET', /^\/robots\.txt$/, (site) => robots(site)],
  ['GET', /^\/static\/.+$/, (site, _, url) => staticFile(site, url.pathname)],
  ['GET', /^\/favicon\.ico$/, (site) => redirect(site.mark.path)],
  ['GET', /^\/healthz$/, () => json({ status: 'ok' })],
];

export async function route(site: Site, asked: Asked): Promise<Answer> {
  const url = urlOf(asked.target);
  if (!url) return problem(400, 'Bad Request', 'The request target is not a path.');
  const method = asked.method === 'HEAD' ? 'GET' : asked.method;
  const candidates = ROUTES.filter(([, path]) => path.test(url.pathname));
  const match = candidates.find(([allowed]) => allowed === method);
  if (!match) {
    if (candidates.length > 0) return notAllowed(candidates.map(([allowed]) => allowed));
    // One page has one address: without a slash at the end.
    if (method === 'GET' && /[^/]\/+$/.test(url.pathname)) return redirect(url.pathname.replace(/\/+$/, '') + url.search);
    return missing(site, url);
  }
  const [, path, handler] = match;
  return (await handler(site, asked, url, path.exec(url.pathname)!.slice(1))) ?? missing(site, url);
}

/** A city, as a whole or narrowed; every other spelling of either leads to the canonical address. */
function showCity(site: Site, citySegment: string, filterSegment: string | undefined): Promise<Answer> | Answer | undefined {
  const slug = decode(citySegment)?.toLowerCase();
  const city = slug === undefined ? undefined : site.city(slug);
  const text = filterSegment === undefined ? undefined : decode(filterSegment);
  if (!city || (filterSegment !== undefined && text === undefined)) return undefined;
  const found = text === undefined ? undefined : vocabulary.canonicalFilters(text);
  if (text !== undefined && !found) return undefined;
  const filters = (found?.filters ?? []) as readonly FilterName[];
  const isCanonical = citySegment === city.slug && filterSegment === found?.canonical;
  return isCanonical ? cityPage(site, city, filters) : redirect(cityPath(city, filters));
}

function staticFile(site: Site, path: string): Answer | undefined {
  const asset = [site.css, site.mark].find((candidate) => candidate.path === path);
  return asset && { status: 200, type: asset.type, body: asset.body, cacheControl: 'public, max-age=31536000, immutable' };
}

function missing(site: Site, url: URL): Answer {
  return url.pathname.startsWith('/api/')
    ? problem(404, 'Not Found', `There is nothing at ${url.pathname}.`)
    : notFoundPage(site, url.pathname);
}

function notAllowed(methods: readonly string[]): Answer {
  const allow = methods.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method])).join(', ');
  return { ...problem(405, 'Method Not Allowed', `Allowed here: ${allow}.`), headers: { allow } };
}

function urlOf(target: string): URL | undefined {
  // A path such as //host would be read as an address of its own.
  return target.startsWith('/') && !target.startsWith('//') && URL.canParse(target, 'http://site')
    ? new URL(target, 'http://site')
    : undefined;
}

function decode(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}
