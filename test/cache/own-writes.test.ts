/**
 * Redis tells a connection of what its own scripts wrote (7.0 does, whatever `NOLOOP` says). A cache must not take that
 * for somebody else's change.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createCache, type Cache } from '../../src/cache/index.ts';
import { eventually, startRedis, type RedisServer } from '../servers/index.ts';

let redis: RedisServer;
let cache: Cache;

before(async () => {
  redis = await startRedis();
  cache = createCache({ redis: redis.url, storeTimeout: '5s' });
  assert.ok(await cache.ready());
});
after(async () => {
  await cache.close();
  await redis.stop();
});

test('a fill whose value the store took is a success, and its tag lives on', async () => {
  for (let round = 0; round < 100; round++) {
    const [known, late] = [`known:${round}`, `late:${round}`];
    const lease = await cache.begin(`fill:${round}`, { tags: [known] });
    assert.ok(lease.role === 'leader');
    assert.equal(await lease.commit(round, { tags: [known, late] }), true, `round ${round}`);
    assert.equal(await cache.get(`fill:${round}`), round);
  }
  assert.equal(cache.stats().loads.overtaken, 0);
});

test('what was stored here is served from memory', async () => {
  const rounds = 50;
  for (let round = 0; round < rounds; round++) {
    await cache.set(`set:${round}`, round, { tags: [`tag:${round}`] });
    await cache.getOrSet(`load:${round}`, () => round, { tags: [`tag:${round}`] });
  }
  for (let round = 0; round < rounds; round++) {
    for (const kind of ['set', 'load']) {
      await eventually(`${kind}:${round} is in memory`, async () => {
        await cache.get(`${kind}:${round}`);
        return cache.peek(`${kind}:${round}`)?.value === round;
      });
    }
  }
});

test('a load that begins right after an invalidation of its key and tags is stored', async () => {
  for (let round = 0; round < 100; round++) {
    await Promise.all([cache.delete('k'), cache.invalidateTags(['t'])]);
    const lease = await cache.begin('k', { tags: ['t'] });
    assert.ok(lease.role === 'leader');
    assert.equal(await lease.commit(round, { tags: ['t'] }), true, `round ${round}`);
  }
});

test('an invalidation elsewhere during a load still counts', async (t) => {
  const other = createCache({ redis: redis.url, storeTimeout: '5s' });
  t.after(() => other.close());
  const invalidations: readonly ((key: string) => Promise<unknown>)[] = [
    (key) => other.delete(key),
    () => other.invalidateTags(['t']),
    (key) => other.deletePattern(`${key}*`),
    (key) => other.expire(key),
  ];
  for (let round = 0; round < 80; round++) {
    const key = `race:${round}:`;
    const lease = await cache.begin(key, { tags: ['t'] });
    assert.ok(lease.role === 'leader');
    await invalidations[round % 4]!(key);
    await lease.commit('old', { tags: ['t'] });
    assert.equal(await cache.get(key), undefined, `round ${round}`);
    assert.equal(await other.get(key), undefined, `round ${round}`);
  }
});
