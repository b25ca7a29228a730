import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planRoutes, TEXAS_ELECTRICITY } from './index.ts';

const plan = planRoutes({ ...TEXAS_ELECTRICITY, cities: ['Plano'], maxRoutesPerCity: { 2: 7 } });

test('Astro: all pages of [...filters], or those of one file', async () => {
  const all = await plan.staticPaths();
  assert.equal(all.length, 7);
  assert.deepEqual(all[0], {
    params: { city: 'plano', filters: undefined },
    props: { name: 'Plano', tier: 2, filters: [], kind: 'landing', priority: 'critical' },
  });
  assert.deepEqual(all[5]!.params, { city: 'plano', filters: '12-month+fixed-rate' });
  assert.deepEqual(
    (await plan.staticPaths({ only: 'landing' })).map((path) => path.params),
    [{ city: 'plano' }],
  );
  assert.equal((await plan.staticPaths({ only: 'combinations' })).length, 6);
});

test('Next: lists for a catch-all, one text for a plain segment', async () => {
  const all = await plan.generateStaticParams();
  assert.deepEqual(all[0], { city: 'plano', filters: [] });
  assert.deepEqual(all[5], { city: 'plano', filters: ['12-month+fixed-rate'] });
  assert.deepEqual(await plan.generateStaticParams({ only: 'landing' }), [{ city: 'plano' }]);
  assert.deepEqual((await plan.generateStaticParams({ only: 'combinations' }))[4], {
    city: 'plano',
    filters: '12-month+fixed-rate',
  });
});
