import assert from 'node:assert/strict';
import { channel } from 'node:diagnostics_channel';
import { test } from 'node:test';
import { z } from 'zod';
import { seededRandom, SimulatedClock } from '../kernel/index.ts';
import { CONTENT_RULES, createCache, type CacheOptions } from './index.ts';

function setup(options: CacheOptions = {}) {
  const clock = new SimulatedClock();
  return { clock, cache: createCache(options, { clock, random: seededRandom(1) }) };
}

test('times come from the call, else from the rule with the longest prefix, else from the defaults', async () => {
  const { cache, clock } = setup({ ttl: '1m', rules: [...CONTENT_RULES, { prefix: 'user:vip:', ttl: '2h' }] });
  const ttlOf = async (key: string, options = {}) => {
    await cache.set(key, 1, options);
    return (cache.peek(key)!.freshUntilMs - clock.now()) / 60_000;
  };
  assert.equal(await ttlOf('other'), 1);
  assert.equal(await ttlOf('user:1'), 5);
  assert.equal(await ttlOf('user:vip:1'), 120);
  assert.equal(await ttlOf('analytics:x'), 30);
  assert.equal(await ttlOf('tasks:active:7'), 15);
  assert.equal(await ttlOf('profile:7'), 60);
  assert.equal(await ttlOf('user:1', { ttl: '10m' }), 10);
});

test('under pressure TTLs stretch', async () => {
  let pressure = 0;
  const { cache, clock } = setup({ ttl: '1m', maxStretch: 5, pressure: () => pressure });
  for (const [given, minutes] of [
    [0, 1],
    [0.5, 3],
    [1, 5],
    [7, 5],
  ] as const) {
    pressure = given;
    await cache.set('k', 1);
    assert.equal((cache.peek('k')!.freshUntilMs - clock.now()) / 60_000, minutes);
  }
});

test('reads and loads are counted by rule', async () => {
  const { cache } = setup({ rules: [{ prefix: 'user:', ttl: '5m' }, { prefix: 'page:' }] });
  for (let at = 0; at < 4; at++) await cache.getOrSet('user:1', () => 'ada');
  await cache.get('page:1');
  await cache.get('other');
  const { rules, misses } = cache.stats();
  assert.deepEqual(rules['user:']!.hits, { memory: 3, store: 0 });
  assert.equal(rules['user:']!.misses, 1);
  assert.equal(rules['user:']!.hitRatio, 0.75);
  assert.equal(rules['user:']!.loads.count, 1);
  assert.equal(rules['page:']!.misses, 1);
  assert.equal(misses.absent, 3);
});

test('values are shared, frozen or cloned, as told', async () => {
  const load = () => ({ list: [1] });
  const shared = setup().cache;
  assert.equal(await shared.getOrSet('k', load), await shared.getOrSet('k', load));
  const frozen = setup({ values: 'frozen' }).cache;
  assert.throws(() => ((frozen.peek('k') ?? { value: Object.freeze([]) }).value as number[]).push(1));
  assert.ok(Object.isFrozen(((await frozen.getOrSet('k', load)) as { list: number[] }).list));
  const cloned = setup({ values: 'cloned' }).cache;
  const first = (await cloned.getOrSet('k', load)) as { list: number[] };
  first.list.push(2);
  assert.deepEqual(await cloned.getOrSet('k', load), { list: [1] });
  ((await cloned.get('k')) as { list: number[] }).list.push(3);
  assert.deepEqual(await cloned.get('k'), { list: [1] });
});

test('a schema refuses or migrates what older releases stored', async () => {
  const { cache } = setup();
  const schema = z.union([z.object({ name: z.string() }), z.string().transform((name) => ({ name }))]);
  await cache.set('old', 'ada');
  const load = () => ({ name: 'loaded' });
  assert.deepEqual(await cache.getOrSet('old', load, { schema }), { name: 'ada' });
  await cache.set('broken', 42);
  assert.deepEqual(await cache.getOrSet('broken', load, { schema }), { name: 'loaded' });
});

test('values are loaded anew before they expire, in proportion to what a load costs', async () => {
  const { cache, clock } = setup({ ttl: '10s' });
  let loads = 0;
  const load = async () => {
    loads++;
    await clock.sleep(500);
    return loads;
  };
  const first = cache.getOrSet('k', load);
  await clock.advance(500);
  await first;
  let waited = 0;
  for (let at = 0; at < 600; at++) {
    const startedMs = clock.monotonic();
    const value = cache.getOrSet('k', load).then(() => (waited = Math.max(waited, clock.monotonic() - startedMs)));
    await clock.advance(100);
    await value;
  }
  assert.equal(waited, 0, 'nobody waits');
  assert.ok(loads >= 6 && loads <= 10, `${loads} loads in a minute`);
});

test('popular values are prefetched while nothing else happens', async () => {
  const { cache, clock } = setup({ ttl: '10s', earlyRefresh: 0, prefetch: { every: '2s' } });
  const loads: Record<string, number> = { hot: 0, cold: 0 };
  const get = (key: string) => cache.getOrSet(key, () => (loads[key] = loads[key]! + 1));
  for (let at = 0; at < 3; at++) await get('hot');
  await get('cold');
  await clock.advance(9000);
  assert.deepEqual(loads, { hot: 2, cold: 1 });
});

test('notModified keeps the value for another TTL, skip returns without storing, fail rejects', async () => {
  const { cache, clock } = setup({ ttl: '1s', grace: '1h', failures: { backoff: 0 } });
  await cache.getOrSet('k', () => 'v1');
  await clock.advance(2000);
  await cache.getOrSet('k', (context) => (assert.equal(context.stale, 'v1'), context.notModified()), { timeout: '1s' });
  assert.ok(cache.peek('k')!.freshUntilMs > clock.now());
  assert.equal(await cache.getOrSet('s', (context) => context.skip('once')), 'once');
  assert.equal(await cache.get('s'), undefined);
  await assert.rejects(
    cache.getOrSet('f', (context) => context.fail('no such plan')),
    { code: 'SPILLWAY_CACHE_LOAD_FAILED', message: 'no such plan' },
  );
});

test('setOptions decides about this value', async () => {
  const { cache, clock } = setup();
  await cache.getOrSet('k', (context) => {
    context.setOptions({ ttl: '2s', tags: ['late'] });
    return 1;
  });
  assert.deepEqual(cache.peek('k')!.tags, ['late']);
  assert.equal(cache.peek('k')!.freshUntilMs - clock.now(), 2000);
});

test('define and wrap', async () => {
  const { cache } = setup();
  const users = cache.define({ key: (id: number) => `user:${id}`, load: (_context, id) => ({ id }), tags: ['users'] });
  assert.deepEqual(await users.get(7), { id: 7 });
  assert.ok(cache.peek('user:7'));
  await users.delete(7);
  assert.equal(cache.peek('user:7'), undefined);
  let calls = 0;
  const square = cache.wrap('square', (n: number) => (calls++, n * n));
  assert.equal((await square(3)) + (await square(3)), 18);
  assert.equal(calls, 1);
});

test('warm loads what is missing, counts failures, tells its progress', async () => {
  const { cache } = setup();
  await cache.set('a', 'there');
  const seen: number[] = [];
  const loaded: string[] = [];
  const load = (key: string) => {
    loaded.push(key);
    if (key === 'c') throw new Error('no');
    return key;
  };
  const result = await cache.warm(['a', 'b', 'c', 'd'], load, { concurrency: 2, onProgress: ({ done }) => seen.push(done) });
  assert.deepEqual(result, { total: 4, done: 4, failed: 1 });
  assert.deepEqual(loaded, ['b', 'c', 'd']);
  assert.deepEqual(seen, [1, 2, 3, 4]);
});

test('explain says why', async () => {
  const { cache, clock } = setup({ ttl: '1m', grace: '1h' });
  assert.equal((await cache.explain('k')).state, 'absent');
  await cache.set('k', 1, { tags: ['t'] });
  await clock.advance(10_000);
  const fresh = await cache.explain('k');
  assert.equal(fresh.state, 'fresh');
  assert.equal(fresh.tier, 'memory');
  assert.equal(fresh.entry!.ageMs, 10_000);
  assert.deepEqual(fresh.entry!.tags, ['t']);
  await clock.advance(60_000);
  assert.match((await cache.explain('k')).because, /stale, and may serve while a new one loads/);
  await cache.invalidateTags(['t']);
  assert.match((await cache.explain('k')).because, /invalidated/);
});

test('events can be had on diagnostics_channel', async () => {
  const { cache } = setup({ diagnostics: true, name: 'mine' });
  const heard: unknown[] = [];
  const listener = (event: unknown) => heard.push(event);
  channel('spillway:cache:miss').subscribe(listener);
  await cache.get('k');
  channel('spillway:cache:miss').unsubscribe(listener);
  assert.deepEqual(heard, [{ cache: 'mine', key: 'k', reason: 'absent' }]);
});

test('expired entries leave memory by themselves', async () => {
  const { cache, clock } = setup({ ttl: '1s', memory: { sweepEvery: '10s' } });
  for (let at = 0; at < 100; at++) await cache.set(`k${at}`, at);
  await clock.advance(10_000);
  assert.equal(cache.stats().memory.entries, 0);
});

test('memory under pressure gives room back', async () => {
  const { cache, clock } = setup({ memory: { sweepEvery: '1s', shrinkAbove: 0 } });
  for (let at = 0; at < 1000; at++) await cache.set(`k${at}`, 'x'.repeat(1000));
  const before = cache.stats().memory.bytes;
  await clock.advance(1000);
  assert.ok(cache.stats().memory.bytes <= before / 2);
});

test('a closed cache ends its loads', async () => {
  const { cache } = setup();
  const load = cache.getOrSet('k', () => new Promise<never>(() => {}));
  const rejected = assert.rejects(load, { code: 'SPILLWAY_CLOSED' });
  await new Promise((resolve) => setImmediate(resolve));
  await cache.close();
  await rejected;
});

test('getOrSetMany loads what is missing in one go', async () => {
  const { cache, clock } = setup();
  await cache.set('b', 'there');
  const asked: (readonly string[])[] = [];
  const load = (keys: readonly string[]) => (asked.push(keys), keys.map((key) => `loaded ${key}`));
  const values = cache.getOrSetMany(['a', 'b', 'c', 'a'], load);
  await clock.advance(10);
  assert.deepEqual(await values, ['loaded a', 'there', 'loaded c', 'loaded a']);
  assert.deepEqual(asked, [['a', 'c']]);
  const failing = cache.getOrSetMany(['x', 'y'], () => Promise.reject(new Error('down')));
  const rejected = assert.rejects(failing, /down/);
  await clock.advance(10);
  await rejected;
});
