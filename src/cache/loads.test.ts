import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryKvStore } from '../drivers/memory-kv-store.ts';
import { SimulatedClock } from '../kernel/index.ts';
import { createCache } from './index.ts';

test('a value another has just stored, whose tags cannot be asked for, is loaded: the caller hears nothing of the store', async () => {
  const clock = new SimulatedClock();
  const server = new MemoryKvStore({}, { clock });
  const other = createCache<string>({ store: server.connect() }, { clock });
  const store = server.connect();
  const versions = store.versions.bind(store);
  // Between the question for the value and that for the lease the other stores it; its tag lies on a server that is gone.
  store.get = async () => void (await other.set('k', 'theirs', { tags: ['t'] }));
  store.versions = async (tags) => (tags.some((tag) => tag.endsWith('t')) ? Promise.reject(new Error('gone')) : versions(tags));
  const cache = createCache<string>({ store }, { clock });
  assert.equal(await cache.getOrSet('k', () => 'ours'), 'ours');
  await cache.close();
  await other.close();
});
