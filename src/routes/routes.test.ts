import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { planRoutes, TEXAS_ELECTRICITY, type CityInput, type PlannedRoute, type PlanOptions } from './index.ts';

const TOWNS = Array.from({ length: 300 }, (_, at) => `Town ${at}`);
const CITIES = ['Houston', 'San Antonio', 'Dallas', 'Austin', 'Fort Worth', 'Plano', ...TOWNS];

function plan(options: Partial<PlanOptions> = {}) {
  return planRoutes({ ...TEXAS_ELECTRICITY, cities: CITIES, ...options } as PlanOptions);
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const collected: T[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}

test('each tier has its share of routes, the landing page first', async () => {
  const routes = await collect(plan({ maxRoutes: 'unlimited' }));
  const of = (slug: string): PlannedRoute[] => routes.filter((route) => route.city.slug === slug);
  assert.equal(of('dallas').length, 96, 'all combinations there are: 8 terms × 3 rates × 2 × 2');
  assert.equal(of('fort-worth').length, 50);
  assert.equal(of('town-7').length, 25);
  assert.equal(of('dallas')[0]!.path, '/electricity-plans/dallas');
  assert.deepEqual(
    of('fort-worth')
      .slice(0, 8)
      .map((route) => route.path.slice('/electricity-plans/fort-worth'.length)),
    [
      '',
      '/12-month',
      '/24-month',
      '/fixed-rate',
      '/green-energy',
      '/12-month+fixed-rate',
      '/green-energy+12-month',
      '/fixed-rate+green-energy',
    ],
  );
  assert.ok(of('town-7').every((route) => route.kind !== 'premium'));
});

test('priorities: landing pages and tier 1 critical, popular filters of tier 2 high', async () => {
  const routes = await collect(plan({ maxRoutes: 'unlimited' }));
  const priority = (path: string) => routes.find((route) => route.path === `/electricity-plans/${path}`)?.priority;
  assert.equal(priority('town-7'), 'critical');
  assert.equal(priority('dallas/36-month'), 'critical');
  assert.equal(priority('plano/12-month'), 'high');
  assert.equal(priority('plano/green-energy+12-month'), 'high');
  assert.equal(priority('plano/36-month'), 'normal');
  assert.equal(priority('town-7/12-month'), 'normal');
  assert.equal(priority('town-7/36-month'), 'low');
});

test('caps: 5,000 in production, 200 in development, and the most deserving survive', async () => {
  const production = await collect(plan({ cities: [...CITIES, ...TOWNS.map((name) => `North ${name}`)] }));
  assert.equal(production.length, 5000);
  const development = await collect(plan({ maxRoutes: 'development' }));
  assert.equal(development.length, 200);
  const paths = new Set(development.map((route) => route.path));
  assert.ok(paths.has('/electricity-plans/dallas/12-month+fixed-rate'));
  assert.ok(paths.has('/electricity-plans/town-0'));
  assert.ok(!paths.has('/electricity-plans/town-299'), 'the towns named last go first');
});

test('a cap takes exactly the best of the whole plan, for any cap and any cities', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.subarray(CITIES),
      fc.integer({ min: 1, max: 2000 }),
      fc.nat({ max: 3 }),
      async (cities, maxRoutes, left) => {
        const include = (city: { slug: string }, filters: readonly string[]) =>
          (city.slug.length + filters.join('').length) % 4 !== left;
        const everything = await plan({ cities, include, maxRoutes: 'unlimited' }).warmList({ limit: 100_000 });
        const best = everything.slice(0, maxRoutes).map((route) => route.path);
        const capped = await collect(plan({ cities, include, maxRoutes }));
        assert.deepEqual(capped.map((route) => route.path).toSorted(), best.toSorted());
        assert.deepEqual(
          await plan({ cities, include, maxRoutes }).warmList({ limit: 50 }),
          everything.slice(0, Math.min(50, maxRoutes)),
        );
      },
    ),
    { numRuns: 20 },
  );
});

test('paths are unique, canonical, and within their tier', async () => {
  const limits = { 1: 100, 2: 50, 3: 25 };
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.string({ minLength: 1 }).filter((name) => /[a-z0-9]/i.test(name)),
        { maxLength: 30 },
      ),
      async (names) => {
        const cities = [...names, 'Dallas', 'dallas', 'Plano'];
        const routes = await collect(plan({ cities, maxRoutes: 'unlimited' }));
        assert.equal(new Set(routes.map((route) => route.path)).size, routes.length);
        const perCity = Map.groupBy(routes, (route) => route.city);
        for (const [city, own] of perCity) assert.ok(own.length <= limits[city.tier]);
        const spelled = new Set(routes.flatMap(({ filters }) => (filters.length > 0 ? [filters.join('+')] : [])));
        for (const text of spelled) assert.ok(plan().canonicalFilters(text)?.wasCanonical);
      },
    ),
    { numRuns: 25 },
  );
});

test('a repeated city has one set of pages, and the summary says so', async () => {
  assert.deepEqual(await plan({ cities: ['Plano', 'Waco', 'PLANO', 'Marfa'], maxRoutes: 60 }).summary(), {
    cities: 3,
    repeatedCities: 1,
    candidates: 125,
    routes: 60,
    byTier: { 1: 0, 2: 55, 3: 5 },
    byPriority: { critical: 3, high: 14, normal: 43, low: 0, background: 0 },
  });
});

test('combinations without a page are left out and free their place', async () => {
  const none = plan({ cities: TOWNS, include: (_, filters) => filters[0] !== '12-month', maxRoutes: 500 });
  const routes = await collect(none);
  assert.equal(routes.length, 500);
  assert.equal(routes.filter((route) => route.filters[0] === '24-month').length, 200);
});

test('cities may come from anywhere', async () => {
  async function* stream() {
    for (const name of CITIES) yield { name };
  }
  const expected = (await collect(plan())).map((route) => route.path);
  const sources: PlanOptions<CityInput>['cities'][] = [new Set(CITIES), stream, stream(), CITIES.values(), () => CITIES];
  for (const cities of sources) {
    const from = plan({ cities });
    assert.deepEqual(
      (await collect(from)).map((route) => route.path),
      expected,
    );
    assert.deepEqual(
      (await collect(from)).map((route) => route.path),
      expected,
      'a second time',
    );
  }
});

test('an iterator without a cap is read once, and says so the second time', async () => {
  const once = plan({ cities: CITIES.values(), maxRoutes: 'unlimited' });
  await collect(once);
  await assert.rejects(collect(once), { code: 'SPILLWAY_ROUTES_CITIES_SPENT' });
});

test('what was handed in is not frozen, and comes back on the route', async () => {
  const waco = { name: 'Waco', population: 132_356, lastModified: '2026-01-02' };
  const routes = planRoutes({ cities: [waco] });
  for await (const route of routes) {
    assert.equal(route.city.source, waco);
    assert.equal(route.city.lastModified, '2026-01-02T00:00:00.000Z');
  }
  waco.population++;
});

test('cities that cannot have a path are refused by name', async () => {
  for (const city of [
    '東京',
    { name: 'X', slug: 'a/b' },
    { name: 'X', slug: '..' },
    {},
    null,
    { name: 'X', lastModified: 'soon' },
  ]) {
    await assert.rejects(collect(plan({ cities: [city as CityInput] })), { code: 'SPILLWAY_ROUTES_CITY_INVALID' });
  }
  const [tokyo] = await collect(plan({ cities: [{ name: '東京', slug: '東京' }] }));
  assert.equal(tokyo!.path, `/electricity-plans/${encodeURIComponent('東京')}`);
  await assert.rejects(collect(plan({ maxCities: 3 })), { code: 'SPILLWAY_ROUTES_TOO_MANY_CITIES' });
});

test('tiers by a function, priorities by a function', async () => {
  const routes = await collect(
    plan({
      cities: ['Big', 'Small'],
      tiers: (city) => (city.name === 'Big' ? 1 : 3),
      priorityOf: ({ kind }) => (kind === 'other' ? 'background' : 'high'),
    }),
  );
  assert.equal(routes.filter((route) => route.city.slug === 'big').length, 96);
  assert.deepEqual([...new Set(routes.map((route) => route.priority))], ['high', 'background']);
});

test('a tier or a priority that does not exist is named', async () => {
  await assert.rejects(collect(plan({ cities: ['Waco'], tiers: () => 4 as never })), { message: /"Waco".* has the tier 4/ });
  assert.throws(() => plan({ priorityOf: () => 'urgent' as never }), { message: /priorityOf: gave "urgent"/ });
});

test('without filters a plan is the landing pages', async () => {
  assert.deepEqual(
    (await collect(planRoutes({ cities: ['Waco'] }))).map((route) => route.path),
    ['/waco'],
  );
});

test('wrong options are named', () => {
  assert.throws(() => plan({ cities: 'Dallas' as never, maxRoute: 3, basePath: 'x/' } as never), {
    code: 'SPILLWAY_CONFIG_INVALID',
    message: /3 problems[\s\S]*expected an array[\s\S]*did you mean 'maxRoutes'/,
  });
});

test('JSON is one array of flat rows, also when empty', async () => {
  const rows = JSON.parse((await collect(plan({ cities: ['Waco'] }).json())).join(''));
  assert.equal(rows.length, 50);
  assert.deepEqual(rows[5], {
    path: '/electricity-plans/waco/12-month+fixed-rate',
    city: 'Waco',
    tier: 2,
    filters: '12-month+fixed-rate',
    kind: 'premium',
    priority: 'high',
  });
  assert.deepEqual(JSON.parse((await collect(plan({ cities: [] }).json())).join('')), []);
});

test('a warm list holds only routes of the plan, whatever its tiers', async () => {
  const small = plan({ maxRoutes: 60 });
  const planned = new Set((await collect(small)).map((route) => route.path));
  for (const tiers of [[1], [2], [3], [1, 3]] as const) {
    for (const route of await small.warmList({ tiers })) assert.ok(planned.has(route.path), route.path);
  }
});

test('the warm list of tier 1 holds nothing else', async () => {
  const list = await plan().warmList({ tiers: [1], limit: 30 });
  assert.equal(list.length, 30);
  assert.deepEqual(
    list.slice(0, 5).map((route) => route.path),
    ['houston', 'san-antonio', 'dallas', 'austin', 'houston/12-month'].map((path) => `/electricity-plans/${path}`),
  );
  assert.ok(list.every((route) => route.city.tier === 1));
});
