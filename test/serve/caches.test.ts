/** Caches of values that the policy declares, in two processes' worth of Spillway on one real Redis. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Metrics } from '../../src/kernel/index.ts';
import { createPolicy } from '../../src/policy/index.ts';
import { createSpillway, type Spillway } from '../../src/spillway.ts';
import { eventually, startRedis, type RedisServer } from '../servers/index.ts';

describe('declared caches', () => {
  let redis: RedisServer;
  let houses: readonly Spillway[];
  let verdict: 0 | 1 | 2 = 0;
  const metrics = new Metrics();

  before(async () => {
    redis = await startRedis();
    const policy = createPolicy({
      redis: redis.url,
      listen: { port: 0 },
      caches: {
        plans: { class: 'high', maxStretch: 3, storeTimeout: '10s', rules: { 'user:': { ttl: '5m' } } },
        sessions: { ttl: '1h', storeTimeout: '10s' },
      },
    });
    houses = [createSpillway(policy, { healthLevel: () => verdict }, { metrics }), createSpillway(policy)];
    for (const house of houses) for (const name of ['plans', 'sessions']) assert.ok(await house.cache(name).ready());
  });
  after(async () => {
    await Promise.all(houses.map((house) => house.stop()));
    await redis.stop();
  });

  const freshMinutes = async (key: string): Promise<number> => {
    const [here] = houses;
    await here!.cache('plans').set(key, 'value');
    const { entry } = await here!.cache('plans').explain(key);
    return Math.round(entry!.freshForMs / 60_000);
  };

  test('what one has loaded the other has, and hears when it is no longer true', async () => {
    const [one, other] = houses.map((house) => house.cache<string>('plans'));
    let loads = 0;
    const load = () => `value ${++loads}`;
    assert.equal(await one!.getOrSet('k', load, { tags: ['prices'] }), 'value 1');
    assert.equal(await other!.getOrSet('k', load, { tags: ['prices'] }), 'value 1');
    await other!.invalidateTags(['prices']);
    await eventually('both load it anew', async () => (await one!.getOrSet('k', load, { tags: ['prices'] })) === 'value 2');
  });

  test('caches do not see each other, nor the pages', async () => {
    const [here] = houses;
    await here!.cache('plans').set('shared', 1);
    assert.equal(await here!.cache('sessions').get('shared'), undefined);
    await here!.cache('sessions').clear();
    assert.equal(await here!.cache('plans').get('shared'), 1);
  });

  test('times are those of the class and of the rules, and stretch with the verdict on the service', async () => {
    const seen: number[] = [];
    for (verdict of [0, 1, 2] as const) seen.push(await freshMinutes('plan:1'), await freshMinutes('user:1'));
    verdict = 0;
    assert.deepEqual(seen, [60, 5, 120, 10, 180, 15]);
  });

  test('each is told apart in the metrics', () => {
    const entries = metrics.snapshot().families.find(({ name }) => name === 'spillway_cache_entries');
    assert.deepEqual(entries!.series.map(({ labels }) => labels['cache']).toSorted(), ['pages', 'plans', 'sessions']);
  });
});
