/** A client of the application's own copy of node-redis, which is not ours: what one package manager installs twice. */
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { afterEach, test } from 'node:test';
import type * as Redis from 'redis';
import { createCache, type Cache, type CacheOptions } from '../../src/cache/index.ts';
import type { RedisTarget } from '../../src/drivers/redis-link.ts';
import { eventually, startRedis, startRedisCluster } from '../servers/index.ts';

// Loaded first, it is the copy that the cache gets.
await import('redis');
const foreign = anotherCopy();

function anotherCopy(): typeof Redis {
  const require = createRequire(import.meta.url);
  for (const id of Object.keys(require.cache)) if (/node_modules[\\/]@?redis[\\/]/.test(id)) delete require.cache[id];
  return require('redis') as typeof Redis;
}

let open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const each of open.toReversed()) await each.close();
  open = [];
});

function connect(redis: RedisTarget, options: CacheOptions<string> = {}): Cache<string> {
  const cache = createCache<string>({ redis, storeTimeout: '5s', maxStaleness: '1h', ...options });
  open.push(cache);
  return cache;
}

async function hearOfEachOther([one, other]: readonly [Cache<string>, Cache<string>]): Promise<void> {
  assert.ok((await one.ready()) && (await other.ready()));
  for (const key of ['a', 'b', 'c', 'd', 'e', 'f']) {
    await one.set(key, 'old');
    await eventually(`${key} is in the other's memory`, async () => (await other.get(key), other.peek(key) !== undefined));
    await one.delete(key);
    await eventually(`the other has heard of ${key}`, () => other.peek(key) === undefined);
  }
}

test('to one server: caches hear of each other', async () => {
  const redis = await startRedis();
  open.push({ close: redis.stop });
  await hearOfEachOther([connect(foreign.createClient({ url: redis.url })), connect(foreign.createClient({ url: redis.url }))]);
});

test('to a cluster: caches hear of each other', async () => {
  const cluster = await startRedisCluster();
  open.push({ close: cluster.stop });
  const client = () => foreign.createCluster({ rootNodes: cluster.urls.map((url) => ({ url })) });
  await hearOfEachOther([connect(client()), connect(client())]);
});

test('where only tracking will do, the cache says why it works alone', async () => {
  const redis = await startRedis();
  open.push({ close: redis.stop });
  const cache = connect(foreign.createClient({ url: redis.url }), { coherence: 'tracking' });
  const told = new Promise<unknown>((resolve) => cache.events.on('store', ({ error }) => error && resolve(error)));
  assert.equal(await cache.ready('200ms'), false);
  assert.equal(await cache.getOrSet('k', () => 'value'), 'value');
  assert.match(String(((await told) as Error).cause ?? (await told)), /another copy of node-redis/);
});
