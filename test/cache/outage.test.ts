/** What a cache serves while its Redis is frozen, killed or cut off, and what is left of it afterwards. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { createCache, type Cache, type CacheOptions } from '../../src/cache/index.ts';
import { eventually, redisCli, startRedis, type RedisServer } from '../servers/index.ts';

let redis: RedisServer;
let open: Cache<string>[] = [];
const rejections: unknown[] = [];
const onRejection = (error: unknown): void => void rejections.push(error);

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

async function connect(options: CacheOptions<string> = {}): Promise<Cache<string>> {
  const cache = createCache<string>({ redis: redis.url, storeTimeout: '1s', maxStaleness: '1h', ...options });
  open.push(cache);
  assert.ok(await cache.ready());
  return cache;
}

/** Stores a value and has it read back until nothing about it is in doubt. */
async function hold(cache: Cache<string>, key: string, value: string, tags: string[] = ['t']): Promise<void> {
  await cache.set(key, value, { tags });
  await eventually(`${key} is in memory`, async () => (await cache.get(key)) === value && cache.peek(key) !== undefined);
}

const never = (): never => assert.fail('loaded');

test('killed: what was proven goes on being served, however often the connection fails', async () => {
  const cache = await connect();
  await hold(cache, 'k', 'value');
  await redis.process.kill();
  await eventually('the cache knows', async () => {
    await cache.getOrSet(`other:${Math.random()}`, () => 'x');
    return !cache.stats().store!.available;
  });
  const until = performance.now() + 700;
  await eventually('several attempts to reconnect have failed', async () => {
    assert.equal(await cache.getOrSet('k', never), 'value');
    assert.equal(cache.peek('k')?.value, 'value');
    return performance.now() > until;
  });
  assert.equal(cache.stats().store!.owed, 0);
});

test('killed: past maxStaleness a value serves stale within its grace, and is loaded behind', async () => {
  const cache = await connect({ maxStaleness: '200ms', grace: '1h', failures: { backoff: 0 } });
  await hold(cache, 'k', 'old');
  await redis.process.kill();
  let loads = 0;
  const gate = Promise.withResolvers<string>();
  await eventually('it is stale', async () => {
    assert.equal(await cache.getOrSet('k', () => (loads++, gate.promise)), 'old');
    return loads > 0;
  });
  assert.ok(cache.peek('k')!.freshUntilMs <= Date.now());
  gate.resolve('new');
  await eventually('the new value is there', async () => (await cache.get('k')) === 'new');
  assert.equal(loads, 1);
});

test('killed: past maxStaleness without grace nothing unproven is served, but while loading fails', async () => {
  const cache = await connect({ maxStaleness: '200ms', failures: { backoff: 0 } });
  await cache.set('lenient', 'old', { staleIfError: '1h' });
  await hold(cache, 'strict', 'old');
  await eventually('in memory', async () => (await cache.get('lenient')) === 'old' && cache.peek('lenient') !== undefined);
  await redis.process.kill();
  await eventually('it is not served', async () => (await cache.get('strict')) === undefined);
  await assert.rejects(
    cache.getOrSet('strict', () => Promise.reject(new Error('down'))),
    /down/,
  );
  assert.equal(await cache.get('lenient'), undefined);
  assert.equal(await cache.getOrSet('lenient', () => Promise.reject(new Error('down'))), 'old');
});

test('cut off and back: memory is proven by version, not loaded again', async () => {
  const cache = await connect();
  const other = await connect();
  await hold(cache, 'kept', 'value');
  await hold(cache, 'changed', 'old', ['u']);
  const gaps = cache.events;
  const cut = new Promise<void>((resolve) => gaps.on('gap', () => resolve()));
  redisCli(redis.port, ['client', 'kill', 'type', 'normal']);
  await cut;
  await eventually('the other can invalidate', async () => {
    await other.invalidateTags(['u']);
    return other.stats().store!.owed === 0;
  });
  await eventually('the connection is back', async () => {
    await cache.getOrSet(`probe:${Math.random()}`, () => 'x');
    return cache.stats().store!.available;
  });
  assert.equal(await cache.getOrSet('kept', never), 'value');
  await eventually('in memory again', () => cache.peek('kept')?.value === 'value');
  await eventually('the other value is gone', async () => (await cache.get('changed')) === undefined);
});

test('what was loaded while Redis was away gives way to what was changed meanwhile', async () => {
  const cache = await connect({ storeTimeout: '100ms' });
  const other = await connect({ storeTimeout: '100ms' });
  await hold(cache, 'k', 'first');
  redis.process.freeze();
  await cache.getOrSet('k', () => 'apart', { forceFresh: true, tags: ['t'] });
  assert.equal(await cache.get('k'), 'apart');
  await other.invalidateTags(['t']);
  redis.process.thaw();
  await eventually('both have heard', async () => {
    const values = await Promise.all([cache.get('k'), other.get('k')]);
    return values.every((value) => value === undefined);
  });
});

test('frozen: a miss waits for one store timeout only, and later misses for none', async () => {
  const cache = await connect({ storeTimeout: '100ms' });
  redis.process.freeze();
  const waits: number[] = [];
  for (let at = 0; at < 20; at++) {
    assert.equal(await cache.getOrSet(`cold:${at}`, () => 'loaded', { tags: [`tag:${at}`] }), 'loaded');
    waits.push(cache.stats().store!.failed);
  }
  // Should Redis have answered the read before it froze, the versions and the lease are waited for, side by side.
  const waited = waits[0]!;
  assert.ok(waited === 1 || waited === 2, `${waited} calls waited in vain`);
  assert.deepEqual(new Set(waits), new Set([waited]), 'no later call did');
  const lease = await cache.begin('page', { tags: ['t'] });
  assert.ok(lease.role === 'leader');
  assert.equal(await lease.commit('value', { tags: ['late'] }), true);
  assert.equal(cache.peek('page')?.value, 'value', 'kept in memory');
  assert.equal(cache.stats().store!.failed, waited);
  redis.process.thaw();
  await eventually('it is back', () => cache.stats().store!.available);
});
