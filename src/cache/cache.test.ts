import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimulatedClock } from '../kernel/index.ts';
import { createCache, type CacheOptions } from './index.ts';

function setup(options: CacheOptions = {}) {
  const clock = new SimulatedClock();
  return { clock, cache: createCache(options, { clock }) };
}

/** A loader that ends when told to. */
function gate<T>() {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const started = Promise.withResolvers<void>();
  let calls = 0;
  const load = () => {
    calls++;
    started.resolve();
    return promise;
  };
  return { load, resolve, reject, started: started.promise, calls: () => calls };
}

test('a value is loaded once and then comes from memory', async () => {
  const { cache } = setup();
  let loads = 0;
  const get = () => cache.getOrSet('k', () => ++loads);
  assert.equal(await get(), 1);
  assert.equal(await get(), 1);
  assert.equal(loads, 1);
  assert.equal(cache.stats().hits.memory, 1);
});

test('however many ask at once, one load runs', async () => {
  const { cache } = setup();
  const slow = gate<number>();
  const all = Array.from({ length: 1000 }, () => cache.getOrSet('k', slow.load));
  slow.resolve(7);
  assert.deepEqual(new Set(await Promise.all(all)), new Set([7]));
  assert.equal(slow.calls(), 1);
});

test('a value expires after its ttl, and serves stale within grace while a new one loads', async () => {
  const { cache, clock } = setup({ ttl: '1s', grace: '10s' });
  let version = 0;
  const get = () => cache.getOrSet('k', async () => ++version);
  assert.equal(await get(), 1);
  await clock.advance(1500);
  assert.equal(await get(), 1, 'stale at once');
  await clock.advance(0);
  assert.equal(await get(), 2);
  await clock.advance(11_001);
  assert.equal(await get(), 3, 'past grace nobody gets it');
});

test('a failing load serves the stale value for as long as staleIfError says', async () => {
  const { cache, clock } = setup({ ttl: '1s', staleIfError: '1m', failures: { backoff: 0 } });
  await cache.set('k', 'old');
  await clock.advance(2000);
  const failing = () => cache.getOrSet('k', () => Promise.reject(new Error('down')));
  assert.equal(await failing(), 'old');
  await clock.advance(60_000);
  await assert.rejects(failing(), /down/);
});

test('a key that failed to load rests, longer each time', async () => {
  const { cache, clock } = setup({ failures: { backoff: '1s', maxBackoff: '4s' } });
  let calls = 0;
  const failing = () =>
    cache.getOrSet('k', () => {
      calls++;
      throw new Error('down');
    });
  for (let at = 0; at < 100; at++) {
    await assert.rejects(failing(), /down/);
    await clock.advance(100);
  }
  assert.ok(calls >= 4 && calls <= 6, `${calls} calls in 10 s`);
});

test('null is a value, undefined is not', async () => {
  const { cache } = setup();
  let calls = 0;
  for (let at = 0; at < 2; at++) assert.equal(await cache.getOrSet('n', () => (calls++, null)), null);
  assert.equal(calls, 1);
  for (let at = 0; at < 2; at++) assert.equal(await cache.getOrSet('u', () => (calls++, undefined)), undefined);
  assert.equal(calls, 3);
});

const invalidations = {
  delete: (cache) => cache.delete('user:1'),
  deletePattern: (cache) => cache.deletePattern('user:*'),
  invalidateTags: (cache) => cache.invalidateTags(['users']),
  clear: (cache) => cache.clear(),
  expire: (cache) => cache.expire('user:1'),
  set: (cache) => cache.set('user:1', 'set'),
} satisfies Record<string, (cache: ReturnType<typeof setup>['cache']) => Promise<unknown>>;

for (const [name, invalidate] of Object.entries(invalidations)) {
  for (const tagsAre of ['known', 'late'] as const) {
    test(`${name} during a load (tags ${tagsAre}): its value is not stored, and later readers do not join it`, async () => {
      const { cache } = setup();
      const slow = gate<string>();
      const before = cache.getOrSet(
        'user:1',
        (context) => {
          if (tagsAre === 'late') context.setTags(['users']);
          return slow.load();
        },
        { tags: tagsAre === 'known' ? ['users'] : [] },
      );
      await slow.started;
      await invalidate(cache);
      const after = cache.getOrSet('user:1', () => 'new', { tags: ['users'] });
      slow.resolve('old');
      assert.equal(await before, 'old');
      assert.equal(await after, name === 'set' ? 'set' : 'new');
      assert.equal(await cache.get('user:1'), name === 'set' ? 'set' : 'new');
    });
  }
}

test('begin gives one lease, and commit fails after an invalidation', async () => {
  const { cache } = setup();
  const lease = await cache.begin('k', { tags: ['t'] });
  assert.equal(lease.role, 'leader');
  const follower = await cache.begin('k');
  assert.ok(follower.role === 'follower');
  assert.ok(lease.role === 'leader');
  await cache.invalidateTags(['t']);
  const next = await cache.begin('k', { tags: ['t'] });
  assert.equal(next.role, 'leader', 'whoever comes after the invalidation starts anew');
  assert.equal(await lease.commit('old', { tags: ['t'] }), false);
  assert.equal(await follower.done, 'abandoned');
  assert.ok(next.role === 'leader');
  assert.equal(await next.commit('new', { tags: ['t'] }), true);
  assert.equal(cache.peek('k')?.value, 'new');
});

test('soft tag invalidation makes stale, hard removes', async () => {
  const { cache } = setup({ grace: '1h' });
  await cache.set('k', 1, { tags: ['t'] });
  await cache.invalidateTags(['t'], { soft: true });
  const entry = cache.peek('k')!;
  assert.equal(entry.value, 1);
  assert.ok(entry.freshUntilMs <= entry.storedMs + 1);
  await cache.invalidateTags(['t']);
  assert.equal(cache.peek('k'), undefined);
});

test('a namespace is cleared by itself', async () => {
  const { cache } = setup();
  const users = cache.namespace('users');
  await users.set('1', 'ada');
  await cache.set('other', 'x');
  assert.equal(await cache.get('users:1'), 'ada');
  await users.clear();
  assert.equal(await users.get('1'), undefined);
  assert.equal(await cache.get('other'), 'x');
});

test('hardTimeout rejects and aborts the loader', async () => {
  const { cache, clock } = setup();
  let aborted = false;
  const load = cache.getOrSet(
    'k',
    ({ signal }) => new Promise<never>(() => signal.addEventListener('abort', () => (aborted = true))),
    { hardTimeout: '1s' },
  );
  const rejected = assert.rejects(load, { code: 'SPILLWAY_TIMEOUT' });
  await clock.advance(1000);
  await rejected;
  assert.ok(aborted);
});

test('timeout waits a little for a new value before the stale one', async () => {
  const { cache, clock } = setup({ ttl: '1s', grace: '1h' });
  await cache.set('k', 'old');
  await clock.advance(2000);
  const slow = gate<string>();
  const waited = cache.getOrSet('k', slow.load, { timeout: '100ms' });
  await clock.advance(50);
  slow.resolve('new');
  assert.equal(await waited, 'new');
});

test('wrong options name their path', () => {
  assert.throws(() => createCache({ ttll: '5m' } as CacheOptions), /did you mean 'ttl'/);
  assert.throws(() => createCache({ ttl: 300 } as unknown as CacheOptions), /ttl: 300 is not a duration/);
});
