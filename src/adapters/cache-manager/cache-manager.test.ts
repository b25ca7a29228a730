import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCache } from '../../cache/index.ts';
import { SimulatedClock } from '../../kernel/index.ts';
import { createCacheManager, keyvStore } from './index.ts';

test('the calls of a hand-written cache manager, with seconds', async () => {
  const clock = new SimulatedClock();
  const manager = createCacheManager(undefined, { ttl: 300, prefix: 'app:' }, { clock });
  await manager.mset({ 'user:1': { id: 1 }, 'user:2': { id: 2 } }, 60);
  assert.deepEqual(await manager.mget(['user:1', 'user:3']), [{ id: 1 }, null]);
  assert.equal(await manager.getOrSet('k', async () => 'loaded'), 'loaded');
  await clock.advance(61_000);
  assert.equal(await manager.get('user:1'), null);
  assert.equal(await manager.get('k'), 'loaded');
  await manager.set('user:9', 9);
  assert.equal(await manager.deletePattern('user:*'), 1);
  const { hits, misses, hitRate } = manager.getStats();
  assert.equal(hitRate, hits / (hits + misses));
  await manager.close();
});

test('a Keyv store', async () => {
  const clock = new SimulatedClock();
  const store = keyvStore(createCache({}, { clock }));
  assert.equal(await store.set('k', 1, 1000), true);
  assert.equal(await store.get('k'), 1);
  assert.equal(await store.has('k'), true);
  await clock.advance(1000);
  assert.equal(await store.get('k'), undefined);
  await store.set('forever', 1);
  await clock.advance(86_400_000);
  assert.equal(await store.get('forever'), 1);
  assert.equal(await store.delete('forever'), true);
  await store.clear();
});
