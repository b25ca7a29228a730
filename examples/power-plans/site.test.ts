/** The site over HTTP, on the embedded PostgreSQL and on a real one. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { startPostgres } from '../../test/servers/index.ts';
import { createSiteServer } from './server.ts';
import { Site, type Change } from './site.ts';
import { openStore, type PlanStore } from './store/store.ts';

const TOKEN = 'a-token-for-this-test';
const AT_ONCE = 16;

for (const kind of ['embedded', 'real'] as const) {
  describe(`on ${kind} PostgreSQL`, () => {
    const opened: (() => unknown)[] = [];
    const reported: Change[] = [];
    let store: PlanStore;
    let site: Site;
    let base: string;

    before(async () => {
      const postgres = kind === 'real' ? await startPostgres() : undefined;
      opened.push(() => postgres?.stop());
      store = await openStore(postgres?.url);
      opened.push(() => store.close());
      site = new Site(store, {
        publicUrl: 'https://example.com',
        adminToken: TOKEN,
        reportChange: async (change) => void reported.push(change),
      });
      const server = createSiteServer(site).listen(0, '127.0.0.1');
      opened.push(() => server.close().closeAllConnections());
      await once(server, 'listening');
      base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    });

    after(async () => {
      for (const close of opened.reverse()) await close();
    });

    const get = (path: string, init: RequestInit = {}) => fetch(base + path, { redirect: 'manual', ...init });

    test('all 881 city pages answer, are sound, and carry the tags of what they show', async () => {
      const slugs = site.cities.map((city) => city.slug);
      assert.equal(new Set(slugs).size, 881);
      await eachOf(slugs, async (slug) => {
        const response = await get(`/electricity-plans/${slug}`);
        assert.equal(response.status, 200, slug);
        const body = await response.text();
        assertSound(body, slug);
        assert.ok(body.length < 40_000, `${slug}: ${body.length} characters`);
        const tags = response.headers.get('cache-tag')!.split(', ');
        assert.ok(tags.includes(`city:${slug}`));
        assert.deepEqual(tags.filter((tag) => tag.startsWith('plan:')).toSorted(), plansLinkedIn(body));
      });
    });

    test('every combination of a metro answers and is sound', async () => {
      const planned = await site.pages.warmList({ tiers: [1], limit: 1000 });
      const paths = planned.map((route) => route.path).filter((path) => path.includes('/dallas/'));
      assert.ok(paths.length > 40);
      await eachOf(paths, async (path) => {
        const response = await get(path);
        assert.equal(response.status, 200, path);
        const body = await response.text();
        assertSound(body, path);
        assert.doesNotMatch(body, /noindex/, 'the plan holds only pages that show a plan');
        assert.ok(body.includes(`<link rel="canonical" href="https://example.com${path}"`));
      });
    });

    test('other pages are sound', async () => {
      for (const path of [
        '/',
        '/cities/w',
        '/plans/1',
        '/plans/120',
        '/search?q=wac',
        '/search?q=xyzzy',
        '/admin/prices',
        '/electricity-plans/marfa/36-month+variable-rate',
      ]) {
        const response = await get(path);
        assert.equal(response.status, 200, path);
        assertSound(await response.text(), path);
      }
    });

    test('one page has one address', async () => {
      const moved: Record<string, string> = {
        '/electricity-plans/dallas/fixed-rate+12-month': '/electricity-plans/dallas/12-month+fixed-rate',
        '/electricity-plans/dallas/12-month%2Bfixed-rate': '/electricity-plans/dallas/12-month+fixed-rate',
        '/electricity-plans/dallas/12-month+green-energy': '/electricity-plans/dallas/green-energy+12-month',
        '/electricity-plans/Dallas': '/electricity-plans/dallas',
        '/electricity-plans/san%2Dantonio': '/electricity-plans/san-antonio',
        '/electricity-plans/dallas/': '/electricity-plans/dallas',
        '/electricity-plans': '/',
        '/search?q=Fort+Worth,+TX': '/electricity-plans/fort-worth',
      };
      for (const [path, target] of Object.entries(moved)) {
        const response = await get(path);
        assert.equal(response.status, path.startsWith('/search') ? 303 : 301, path);
        assert.equal(response.headers.get('location'), target);
      }
    });

    test('what does not exist is 404, and never stored', async () => {
      for (const path of [
        '/electricity-plans/atlantis',
        '/electricity-plans/dallas/cheap',
        '/electricity-plans/dallas/12-month+24-month',
        '/electricity-plans/dallas/12-month+12-month',
        '/electricity-plans/dallas/%ff',
        '/electricity-plans/dallas/fixed-rate/x',
        '/plans/121',
        '/plans/007',
        '/plans/x',
        '/cities/9',
        '/static/site.css',
        '/sitemap-2.xml',
        '/constructor',
        '/%00',
      ]) {
        const response = await get(path);
        assert.equal(response.status, 404, path);
        assert.equal(response.headers.get('cache-control'), 'no-store');
        assertSound(await response.text(), path);
      }
      assert.match(
        await (await get('/electricity-plans/dalas')).text(),
        /Perhaps one of these[\s\S]*\/electricity-plans\/dallas"/,
      );
      assert.equal((await get('/api/nothing')).headers.get('content-type'), 'application/problem+json');
    });

    test('text of a visitor is shown as text', async () => {
      assert.match(await (await get('/search?q=%3Cb%3Exyzzyxyzzy')).text(), /“&lt;b&gt;xyzzyxyzzy”/);
    });

    test('the API pages through exactly the plans asked for', async () => {
      const seen: number[] = [];
      for (let path: string | null = '/api/plans?city=houston&sort=-price&perPage=10'; path;) {
        const { plans, page, links }: ApiPage = await api(path);
        assert.ok(plans.every((plan) => plan.utilityArea === 'centerpoint'));
        assert.equal(page.total, 28);
        seen.push(...plans.map((plan) => plan.centsPerKwh[1000]!));
        path = links.next;
      }
      assert.equal(seen.length, 28);
      assert.deepEqual(
        seen,
        seen.toSorted((a, b) => b - a),
      );
      const narrowed = await api('/api/plans?term=12&rate=fixed&minRenewable=100&maxPrice=13.5&perPage=100');
      assert.ok(narrowed.plans.length > 0);
      for (const plan of narrowed.plans)
        assert.ok(plan.termMonths === 12 && plan.renewable === 100 && plan.centsPerKwh[1000]! <= 13.5);
      const one = await (await get('/api/plans/7')).json();
      assert.equal((one as { id: number }).id, 7);
    });

    test('the API refuses what it does not understand, by field', async () => {
      const refusals: Record<string, string[]> = {
        'term=0': ['term'],
        'term=12.5': ['term'],
        'rate=free': ['rate'],
        'area=mars': ['area'],
        'city=atlantis': ['city'],
        'city=dallas&area=tnmp': ['area'],
        'maxPrice=-1': ['maxPrice'],
        'minRenewable=101': ['minRenewable'],
        'page=0&perPage=101': ['page', 'perPage'],
        'sort=id%3Bdrop': ['sort'],
        'colour=red&term=a': ['term', 'colour'],
        'term=12&term=24': ['term'],
        '__proto__=1': ['__proto__'],
      };
      for (const [query, fields] of Object.entries(refusals)) {
        const response = await get(`/api/plans?${query}`);
        assert.equal(response.status, 400, query);
        assert.equal(response.headers.get('content-type'), 'application/problem+json');
        const problem = (await response.json()) as { status: number; errors: { field: string; message: string }[] };
        assert.equal(problem.status, 400);
        assert.deepEqual(
          problem.errors.map((error) => error.field),
          fields,
          query,
        );
      }
    });

    test('methods that are not meant are refused, HEAD is GET without its body', async () => {
      const refused = await get('/plans/1', { method: 'DELETE' });
      assert.equal(refused.status, 405);
      assert.equal(refused.headers.get('allow'), 'GET, HEAD');
      const head = await get('/plans/1', { method: 'HEAD' });
      assert.equal(head.status, 200);
      assert.equal(await head.text(), '');
    });

    test('a changed price persists and is reported with what it was', async () => {
      reported.length = 0;
      const before = await store.plan(9);
      const response = await postPrice(9, { price: 20 }, TOKEN);
      assert.equal(response.status, 200);
      const after = (await store.plan(9))!;
      assert.equal(after.price1000, 2000);
      assert.equal(after.price500 - before!.price500, 2000 - before!.price1000);
      assert.deepEqual(reported, [{ tag: 'plan:9', field: 'price', before: before!.price1000, after: 2000 }]);
      assert.match(await (await get('/electricity-plans/dallas')).text(), /20\.0¢/);
    });

    test('a new cheapest plan of an area is reported too: the first page shows it', async () => {
      const [cheapest] = await store.plansIn('tnmp');
      reported.length = 0;
      await postPrice(119, { price: 8 }, TOKEN);
      assert.deepEqual(
        reported.map(({ tag }) => tag),
        ['plan:119', 'cheapest:tnmp'],
      );
      assert.equal(reported[1]!.before, cheapest!.price1000);
      assert.ok((await get('/')).headers.get('cache-tag')!.includes('cheapest:tnmp'));
    });

    test('prices change only with the token and with sense', async () => {
      reported.length = 0;
      assert.equal((await postPrice(9, { price: 12 }, undefined)).status, 401);
      assert.equal((await postPrice(9, { price: 12 }, 'wrong')).status, 401);
      assert.equal((await postPrice(999, { price: 12 }, TOKEN)).status, 404);
      for (const body of [{ price: '12' }, { price: 0 }, { price: 100 }, {}, { price: 12, plan: 3 }, 'x', { price: null }]) {
        assert.equal((await postPrice(9, body, TOKEN)).status, 400, JSON.stringify(body));
      }
      assert.equal((await postPrice(9, { price: 12, note: 'x'.repeat(20_000) }, TOKEN)).status, 413);
      assert.deepEqual(reported, []);
    });

    test('the form changes a price', async () => {
      const send = (fields: Record<string, string>) =>
        get('/admin/prices', { method: 'POST', body: new URLSearchParams(fields) });
      assert.equal((await send({ plan: '12', price: '13.25', token: 'wrong' })).status, 403);
      assert.equal((await send({ plan: '12', price: 'a lot', token: TOKEN })).status, 400);
      const done = await send({ plan: '12', price: '13.25', token: TOKEN });
      assert.equal(done.status, 303);
      assert.match(await (await get(done.headers.get('location')!)).text(), /is at 13\.3¢ now/);
      assert.equal((await store.plan(12))!.price1000, 1325);
    });

    test('the sitemap leads to pages that exist', async () => {
      const index = await (await get('/sitemap.xml')).text();
      assert.match(index, /<loc>https:\/\/example\.com\/sitemap-1\.xml<\/loc>/);
      const urls = [...(await (await get('/sitemap-1.xml')).text()).matchAll(/<loc>([^<]+)<\/loc>/g)].map(
        (match) => new URL(match[1]!).pathname,
      );
      assert.equal(urls.length, 5000);
      await eachOf(
        urls.filter((_, at) => at % 61 === 0),
        async (path) => assert.equal((await get(path)).status, 200, path),
      );
      assert.match(await (await get('/robots.txt')).text(), /Sitemap: https:\/\/example\.com\/sitemap\.xml/);
    });

    test('styles are named for their content and kept for ever', async () => {
      const [, href] = /rel="stylesheet" href="([^"]+)"/.exec(await (await get('/')).text())!;
      const response = await get(href!);
      assert.equal(response.headers.get('cache-control'), 'public, max-age=31536000, immutable');
      assert.equal(response.headers.get('content-type'), 'text/css; charset=utf-8');
    });

    async function api(path: string): Promise<ApiPage> {
      return (await (await get(path)).json()) as ApiPage;
    }

    function postPrice(id: number, body: unknown, token: string | undefined): Promise<Response> {
      return get(`/api/admin/plans/${id}/price`, {
        method: 'POST',
        headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      });
    }
  });
}

interface ApiPage {
  readonly plans: { utilityArea: string; termMonths: number; renewable: number; centsPerKwh: Record<number, number> }[];
  readonly page: { total: number };
  readonly links: { next: string | null };
}

async function eachOf<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const left = items.values();
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (const item of left) await work(item);
    }),
  );
}

const VOID = new Set(['meta', 'link', 'img', 'input']);

/** Nothing shows through that was meant to be a value, every element is closed in its turn, and ids are unique. */
function assertSound(body: string, name: string): void {
  assert.doesNotMatch(body, /undefined|NaN|\[object|Infinity/, name);
  const open: string[] = [];
  for (const [, slash, tag, rest] of body.replace('<!doctype html>', '').matchAll(/<(\/?)([a-z0-9]+)([^>]*)>/g)) {
    if (slash) assert.equal(open.pop(), tag, `${name}: </${tag}> closes another element`);
    else if (!VOID.has(tag!) && !rest!.endsWith('/')) open.push(tag!);
  }
  assert.deepEqual(open, [], name);
  const ids = [...body.matchAll(/ id="([^"]+)"/g)].map((match) => match[1]!);
  assert.equal(new Set(ids).size, ids.length, `${name}: an id appears twice`);
}

function plansLinkedIn(body: string): string[] {
  return [...new Set([...body.matchAll(/href="\/plans\/(\d+)"/g)].map((match) => `plan:${match[1]}`))].toSorted();
}
