/** The cache on a real Redis, several nodes of a fleet in one process, each with connections of its own. */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { createCache, type Cache, type CacheOptions } from '../../src/cache/index.ts';
import { eventually, redisCli, startRedis, type RedisServer } from '../servers/index.ts';

let redis: RedisServer;
const open: Cache[] = [];
let names = 0;

before(async () => (redis = await startRedis()));
after(async () => {
  await Promise.all(open.map((cache) => cache.close()));
  await redis.stop();
});

for (const coherence of ['tracking', 'pubsub'] as const) {
  suite(`coherence by ${coherence}`, () => {
    /** Caches that share their values, as processes of one fleet do. */
    function fleet(count: number, options: CacheOptions = {}): Cache[] {
      const name = `t${++names}`;
      const caches = Array.from({ length: count }, () =>
        createCache({ redis: redis.url, storeTimeout: '2s', name, coherence, ...options }),
      );
      open.push(...caches);
      return caches;
    }

    function gate<T>() {
      const { promise, resolve } = Promise.withResolvers<T>();
      const started = Promise.withResolvers<void>();
      return { load: () => (started.resolve(), promise), resolve, started: started.promise };
    }

    test('what one node stores, another finds', async () => {
      const [a, b] = fleet(2) as [Cache, Cache];
      await a.set('k', { name: 'ada', born: 1815 }, { tags: ['people'] });
      assert.deepEqual(await b.get('k'), { name: 'ada', born: 1815 });
      assert.deepEqual((await b.entry('k'))!.tags, ['people']);
      await eventually('and keeps it in memory', async () => (await b.get('k')) !== undefined && b.peek('k') !== undefined);
    });

    test('one load in the fleet, however many ask', async () => {
      const caches = fleet(4);
      let loads = 0;
      const load = async (): Promise<number> => {
        loads++;
        await new Promise((resolve) => setImmediate(resolve));
        return 42;
      };
      const all = await Promise.all(caches.flatMap((cache) => Array.from({ length: 100 }, () => cache.getOrSet('k', load))));
      assert.deepEqual(new Set(all), new Set([42]));
      assert.equal(loads, 1);
    });

    const invalidations: Record<string, (cache: Cache) => Promise<unknown>> = {
      delete: (cache) => cache.delete('user:1'),
      deletePattern: (cache) => cache.deletePattern('user:*'),
      invalidateTags: (cache) => cache.invalidateTags(['users']),
      clear: (cache) => cache.clear(),
      expire: (cache) => cache.expire('user:1'),
    };

    for (const [name, invalidate] of Object.entries(invalidations)) {
      for (const where of ['the same node', 'another node'] as const) {
        test(`${name} on ${where} during a load: nothing old is left anywhere`, async () => {
          const [a, b, c] = fleet(3) as [Cache, Cache, Cache];
          for (let round = 0; round < 20; round++) {
            const slow = gate<string>();
            const before = a.getOrSet('user:1', slow.load, { tags: ['users'] });
            await slow.started;
            await invalidate(where === 'the same node' ? a : b);
            slow.resolve('old');
            assert.equal(await before, 'old');
            assert.equal(await b.getOrSet('user:1', () => 'new', { tags: ['users'] }), 'new');
            assert.equal(await a.getOrSet('user:1', () => 'new', { tags: ['users'] }), 'new');
            assert.equal(await c.get('user:1'), 'new');
            await b.delete('user:1');
            await eventually('a hears of it', () => a.peek('user:1') === undefined);
          }
        });
      }
    }

    for (const [name, invalidate] of Object.entries(invalidations)) {
      test(`${name} reaches the memory of other nodes`, async () => {
        const [a, b] = fleet(2) as [Cache, Cache];
        await a.set('user:1', 'old', { tags: ['users'] });
        await a.set('other', 'kept');
        assert.equal(await b.get('user:1'), 'old');
        assert.equal(await b.get('other'), 'kept');
        await invalidate(a);
        await eventually('it is gone from memory', () => b.peek('user:1') === undefined);
        assert.equal(await b.get('user:1'), undefined);
        assert.equal(await b.get('other'), name === 'clear' ? undefined : 'kept');
      });
    }

    test('a soft invalidation leaves a stale value on every node, and one load replaces it', async () => {
      const [a, b] = fleet(2, { grace: '1h' }) as [Cache, Cache];
      await a.set('k', 'old', { tags: ['t'] });
      await b.get('k');
      await a.invalidateTags(['t'], { soft: true });
      let loads = 0;
      const load = async () => (loads++, 'new');
      await eventually('both have the new value', async () => {
        const values = await Promise.all([a.getOrSet('k', load, { tags: ['t'] }), b.getOrSet('k', load, { tags: ['t'] })]);
        return values.every((value) => value === 'new');
      });
      assert.equal(loads, 1);
    });

    test('a failing load is remembered by the fleet', async () => {
      const [a, b] = fleet(2, { failures: { backoff: '10s' } }) as [Cache, Cache];
      await assert.rejects(
        a.getOrSet('k', () => Promise.reject(new Error('down'))),
        /down/,
      );
      await assert.rejects(
        b.getOrSet('k', () => 'never asked'),
        /down/,
      );
    });

    test('getMany and setMany carry everything', async () => {
      const [a, b] = fleet(2) as [Cache, Cache];
      const values = Object.fromEntries(Array.from({ length: 500 }, (_, at) => [`k{${at}}%`, at]));
      await a.setMany(values);
      assert.deepEqual(await b.getMany([...Object.keys(values), 'none']), [...Object.values(values), undefined]);
      assert.equal(await b.deletePattern('k{1*'), 111);
    });

    test('what stands in Redis, and under which names', async () => {
      const [a] = fleet(1, { name: `wire-${coherence}` }) as [Cache];
      await a.set('user:{1}', 'text', { ttl: '1m', grace: '1m', tags: ['t'] });
      const gate = Promise.withResolvers<number>();
      const started = Promise.withResolvers<void>();
      const loading = a.getOrSet('k', () => (started.resolve(), gate.promise));
      await started.promise;
      await assert.rejects(a.getOrSet('bad', () => Promise.reject(new Error('down'))));
      const ask = (...command: string[]) => redisCli(redis.port, command).trim();
      const names = ask('keys', `spillway:wire-${coherence}:*`).split('\n').toSorted();
      assert.deepEqual(names, [
        `spillway:wire-${coherence}:d:{user:%7B1%7D}`,
        `spillway:wire-${coherence}:f:{bad}`,
        `spillway:wire-${coherence}:l:{k}`,
        ...(coherence === 'pubsub' ? [`spillway:wire-${coherence}:s:`] : []),
        `spillway:wire-${coherence}:t:{*}`,
        `spillway:wire-${coherence}:t:{t}`,
      ]);
      assert.match(ask('get', `spillway:wire-${coherence}:f:{bad}`), /^\{"attempts":1,"message":"down"\}$/);
      assert.match(ask('get', `spillway:wire-${coherence}:t:{t}`), /^[\w-]+\.\d+\|[\w-]+\.\d+$/);
      assert.ok(Number(ask('pttl', `spillway:wire-${coherence}:d:{user:%7B1%7D}`)) > 110_000, 'kept through its grace');
      assert.ok(Number(ask('pttl', `spillway:wire-${coherence}:l:{k}`)) <= 3000);
      gate.resolve(1);
      await loading;
      assert.equal(ask('exists', `spillway:wire-${coherence}:l:{k}`), '0');
    });
  });
}
