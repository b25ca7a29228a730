/** The cache on a real Redis that is frozen, killed, restarted, cut off and paused. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, suite, test } from 'node:test';
import { createCache, type Cache, type CacheOptions } from '../../src/cache/index.ts';
import { eventually, redisCli, startRedis, type RedisServer } from '../servers/index.ts';

let redis: RedisServer;
let open: Cache[] = [];
const rejections: unknown[] = [];
const onRejection = (error: unknown): void => void rejections.push(error);

for (const coherence of ['tracking', 'pubsub'] as const) {
  suite(`coherence by ${coherence}`, () => {
    beforeEach(async () => {
      redis = await startRedis();
      process.on('unhandledRejection', onRejection);
    });
    afterEach(async () => {
      await Promise.all(open.map((cache) => cache.close()));
      open = [];
      await redis.stop();
      process.off('unhandledRejection', onRejection);
      assert.deepEqual(rejections, []);
    });

    function fleet(count: number, options: CacheOptions = {}): Cache[] {
      const made = Array.from({ length: count }, () =>
        createCache({ redis: redis.url, storeTimeout: '300ms', coherence, ...options }),
      );
      open.push(...made);
      return made;
    }

    async function warmUp(caches: readonly Cache[]): Promise<void> {
      for (const cache of caches) assert.ok(await cache.ready());
    }

    /** How long, in ms, `work` took. */
    async function timed(work: () => Promise<unknown>): Promise<number> {
      const started = performance.now();
      await work();
      return performance.now() - started;
    }

    test('frozen: hits go on, misses cost the timeout and the load, and it recovers', async () => {
      const [a, b] = fleet(2) as [Cache, Cache];
      await warmUp([a, b]);
      await a.set('hot', 'value');
      await eventually('b has it in memory', async () => (await b.get('hot')) === 'value' && b.peek('hot') !== undefined);
      redis.process.freeze();
      assert.equal(await b.get('hot'), 'value', 'from memory');
      let loads = 0;
      const misses = await Promise.all(Array.from({ length: 50 }, (_, at) => b.getOrSet(`cold${at % 5}`, async () => ++loads)));
      assert.equal(misses.length, 50);
      assert.equal(loads, 5, 'still one load per key and process');
      await a.set('hot', 'newer');
      await a.delete('cold1');
      redis.process.thaw();
      await eventually('the two agree again', async () => {
        const [one, two] = await Promise.all([a.get('hot'), b.get('hot')]);
        return one !== 'value' && two !== 'value';
      });
      assert.ok(await a.ready());
      await a.set('hot', 'newest');
      await eventually('b hears of it', async () => (await b.get('hot')) === 'newest');
    });

    test('invalidations made while Redis is frozen hold once it is back', async () => {
      const [a, b] = fleet(2) as [Cache, Cache];
      await warmUp([a, b]);
      const keys = ['by-key', 'by-tag', 'by:pattern', 'by-expire'];
      for (const key of keys) await a.set(key, 'old', { tags: key === 'by-tag' ? ['t'] : [] });
      await eventually('b has them in memory', async () => {
        await b.getMany(keys);
        return keys.every((key) => b.peek(key)?.value === 'old');
      });
      redis.process.freeze();
      await Promise.all([a.delete('by-key'), a.invalidateTags(['t']), a.deletePattern('by:*'), a.expire('by-expire')]);
      for (const key of keys) assert.equal(await a.get(key), undefined, `${key} here`);
      redis.process.thaw();
      for (const key of keys) await eventually(`${key} there`, async () => (await b.get(key)) === undefined);
      for (const key of keys) assert.equal(await a.get(key), undefined, `${key} here, still`);
    });

    test('killed and restarted: answers go on, and values are shared again', async () => {
      const [a, b] = fleet(2) as [Cache, Cache];
      await warmUp([a, b]);
      await a.set('k', 'before');
      await redis.process.kill();
      assert.equal(await a.getOrSet('other', () => 'loaded'), 'loaded');
      await redis.restart();
      await eventually('shared again', async () => {
        await a.set('k', 'after');
        return (await b.get('k')) === 'after';
      });
    });

    // What others than Spillway write is not announced.
    if (coherence === 'tracking')
      test('a cut connection is a gap: nothing from before it is trusted', async () => {
        const [a, b] = fleet(2) as [Cache, Cache];
        await warmUp([a, b]);
        await a.set('k', 'old');
        assert.equal(await b.get('k'), 'old');
        for (let round = 0; round < 20; round++) {
          redisCli(redis.port, ['client', 'kill', 'type', 'normal']);
          redisCli(redis.port, ['set', 'spillway:default:d:{k}', '']);
          await eventually('b no longer serves it', async () => (await b.get('k')) === undefined);
          await eventually('back', async () => (await a.set('k', 'old'), (await b.get('k')) === 'old'));
        }
      });

    test('paused for writes: reads go on, a set is not awaited for ever', async () => {
      const [a] = fleet(1) as [Cache];
      await warmUp([a]);
      redisCli(redis.port, ['client', 'pause', '1000', 'WRITE']);
      assert.ok((await timed(() => a.set('k', 'v'))) < 900);
      assert.equal(await a.get('k'), 'v');
    });

    test('flushed: nothing is served from memory', async () => {
      const [a] = fleet(1) as [Cache];
      await warmUp([a]);
      await a.set('k', 'v', { tags: ['t'] });
      redisCli(redis.port, ['flushall']);
      await eventually('gone', () => a.peek('k') === undefined);
      assert.equal(await a.getOrSet('k', () => 'again', { tags: ['t'] }), 'again');
      assert.equal(await a.get('k'), 'again');
    });

    test('a holder that dies is replaced', async () => {
      const [a, b] = fleet(2, { lease: '200ms' }) as [Cache, Cache];
      await warmUp([a, b]);
      const started = Promise.withResolvers<void>();
      void a.getOrSet('k', () => (started.resolve(), new Promise<never>(() => {}))).catch(() => {});
      await started.promise;
      const waiting = b.getOrSet('k', () => 'from b');
      // As if its process died: the lease is no longer renewed.
      redisCli(redis.port, ['client', 'kill', 'type', 'normal']);
      redisCli(redis.port, ['del', 'spillway:default:l:{k}']);
      assert.equal(await waiting, 'from b');
    });

    test('a slow holder keeps its lease by its heartbeat', async () => {
      const [a, b] = fleet(2, { lease: '400ms' }) as [Cache, Cache];
      await warmUp([a, b]);
      const gate = Promise.withResolvers<string>();
      let loads = 0;
      const load = () => (loads++, gate.promise);
      const both = Promise.all([a.getOrSet('k', load), b.getOrSet('k', load)]);
      const until = performance.now() + 1300;
      await eventually('three lease times pass', () => performance.now() > until);
      gate.resolve('slow');
      assert.deepEqual(await both, ['slow', 'slow']);
      assert.equal(loads, 1);
    });

    test('without Redis from the start, everything works in memory', async () => {
      const port = redis.port;
      await redis.process.kill();
      const [a] = fleet(1, { redis: `redis://127.0.0.1:${port}` }) as [Cache];
      assert.equal(await a.getOrSet('k', () => 1), 1);
      assert.equal(await a.getOrSet('k', () => 2), 1);
      await a.invalidateTags(['t']);
      await a.clear();
      assert.equal(await a.get('k'), undefined);
    });
  });
}
