import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimulatedClock } from '../kernel/index.ts';
import { createPolicy, type SpillwayConfig } from '../policy/index.ts';
import { CONTENT_RULES, createCache, declaredCache, DeclaredCaches } from './index.ts';

const optionsOf = (config: SpillwayConfig, name = 'plans') => declaredCache(createPolicy(config), name);

test('a declared cache has the times of its class, its own go first, and rules have classes too', () => {
  const options = optionsOf({
    classes: { high: { storeTtl: '45m' } },
    caches: {
      plans: { class: 'high', grace: '1h', rules: { 'user:': { ttl: '5m' }, 'city:': { class: 'critical', memoryTtl: '10s' } } },
    },
  });
  assert.equal(options.name, 'plans');
  assert.deepEqual([options.ttl, options.memoryTtl, options.grace], [`${45 * 60_000}ms`, `${3 * 60_000}ms`, '1h']);
  assert.deepEqual(options.rules, [
    { prefix: 'user:', ttl: '5m' },
    { prefix: 'city:', ttl: `${2 * 3_600_000}ms`, memoryTtl: '10s' },
  ]);
  createCache(options);
});

test('content rules are there when asked for, and give way to rules for the same keys', () => {
  const { rules } = optionsOf({ caches: { plans: { contentRules: true, rules: { 'user:': { ttl: '1m' } } } } });
  assert.deepEqual(
    rules!.filter(({ prefix }) => prefix === 'user:'),
    [{ prefix: 'user:', ttl: '1m' }],
  );
  assert.equal(rules!.length, CONTENT_RULES.length);
  assert.deepEqual(optionsOf({ caches: { plans: {} } }).rules, []);
});

test("bounds and the policy's Redis go along; what is not said is the cache's own default", () => {
  const config = {
    redis: 'redis://127.0.0.1:1',
    caches: { plans: { memory: { maxBytes: '1mb' }, maxStaleness: '2s' } },
  } as const;
  const { redis, memory, maxStaleness, ...rest } = optionsOf(config);
  assert.deepEqual([redis, memory, maxStaleness], [config.redis, { maxBytes: `${2 ** 20}b` }, '2s']);
  assert.deepEqual(rest, { name: 'plans', rules: [], maxStretch: 2 });
});

test('a cache nobody declared is pointed out, with the near name', () => {
  assert.throws(() => optionsOf({ caches: { plans: {} } }, 'plan'), /did you mean 'plans'\?/);
  assert.throws(() => optionsOf({}, 'toString'), /declare it under `caches`/);
});

test('declared caches are made once, stretch their TTLs under pressure, and are closed together', async () => {
  const clock = new SimulatedClock();
  let pressure = 0;
  const policy = createPolicy({ caches: { plans: { ttl: '1m', maxStretch: 3 } } });
  const caches = new DeclaredCaches(policy, { pressure: () => pressure }, { clock });
  const cache = caches.get<number>('plans');
  assert.equal(caches.get('plans'), cache);
  for (const [level, minutes] of [
    [0, 1],
    [0.5, 2],
    [1, 3],
  ] as const) {
    pressure = level;
    await cache.set('k', 1);
    assert.equal((cache.peek('k')!.freshUntilMs - clock.now()) / 60_000, minutes);
  }
  await caches.close();
  assert.equal(clock.pendingTimers, 0);
});
