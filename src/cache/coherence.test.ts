import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryKvStore } from '../drivers/memory-kv-store.ts';
import { seededRandom, SimulatedClock } from '../kernel/index.ts';
import { UnreliableStore } from '../testing/index.ts';
import { createCache, type Cache, type CacheOptions } from './index.ts';

interface Node {
  readonly cache: Cache<string>;
  readonly link: UnreliableStore;
}

/** Two processes on one store, each with a connection that can be cut. */
async function pair(options: CacheOptions<string> = {}, echoes = true): Promise<{ clock: SimulatedClock; a: Node; b: Node }> {
  const clock = new SimulatedClock();
  const random = seededRandom(7);
  const server = new MemoryKvStore({}, { clock });
  const [a, b] = [1, 2].map(() => {
    const link = new UnreliableStore(server.connect(), {
      clock,
      random,
      latencyMs: 2,
      timeoutMs: 50,
      outageMs: 1000,
      echoes,
    });
    return {
      link,
      cache: createCache<string>({ store: link.store, maxStaleness: '2s', ttl: '1h', ...options }, { clock, random }),
    };
  }) as [Node, Node];
  await clock.advance(3000);
  return { clock, a, b };
}

/** What `work` comes to, with time going on. */
async function during<T>(clock: SimulatedClock, work: Promise<T>): Promise<T> {
  const state = { settled: false };
  const end = (): void => void (state.settled = true);
  work.then(end, end);
  for (let at = 0; at < 2000 && !state.settled; at++) await clock.advance(5);
  assert.ok(state.settled, 'it ends');
  return work;
}

test('what was removed while the connection was cut is not served, although every tag still holds', async () => {
  const { clock, a, b } = await pair();
  await during(clock, a.cache.set('gone', 'old'));
  await during(clock, a.cache.set('kept', 'value'));
  await clock.advance(1000);
  a.link.cut();
  await during(clock, b.cache.delete('gone'));
  assert.equal(await during(clock, a.cache.get('gone')), 'old', 'within maxStaleness: nobody could tell');
  await clock.advance(3000);
  assert.equal(await during(clock, a.cache.get('kept')), 'value');
  await clock.advance(1000);
  assert.equal(await during(clock, a.cache.get('gone')), undefined);
  assert.equal(a.cache.stats().violations, 0);
  await Promise.all([a.cache.close(), b.cache.close()]);
});

test('a gap costs a question per entry, not the entry', async () => {
  const { clock, a, b } = await pair();
  await during(clock, a.cache.set('k', 'value', { tags: ['t'] }));
  await clock.advance(1000);
  a.link.cut();
  await clock.advance(3000);
  assert.equal(a.cache.stats().memory.entries, 1);
  assert.equal(
    await during(
      clock,
      a.cache.getOrSet('k', () => assert.fail('loaded')),
    ),
    'value',
  );
  await Promise.all([a.cache.close(), b.cache.close()]);
});

for (const echoes of [true, false]) {
  test(`a tag that is found while loading fences the load from its start (${echoes ? 'with' : 'without'} echoes)`, async () => {
    const { clock, a, b } = await pair({}, echoes);
    for (const tag of ['never seen', 'known here', 'known there']) {
      if (tag === 'known here') await during(clock, a.cache.set('other', 'x', { tags: [tag] }));
      if (tag === 'known there') await during(clock, b.cache.set('other', 'x', { tags: [tag] }));
      const gate = Promise.withResolvers<string>();
      const load = a.cache.getOrSet(`k:${tag}`, (context) => (context.setTags([tag]), gate.promise));
      await clock.advance(100);
      await during(clock, b.cache.invalidateTags([tag]));
      gate.resolve('old');
      assert.equal(await during(clock, load), 'old', 'right for who asked before');
      assert.equal(await during(clock, a.cache.get(`k:${tag}`)), undefined, tag);
      assert.equal(await during(clock, b.cache.get(`k:${tag}`)), undefined, tag);
    }
    await Promise.all([a.cache.close(), b.cache.close()]);
  });

  test(`a tag that nobody invalidated does not (${echoes ? 'with' : 'without'} echoes)`, async () => {
    const { clock, a, b } = await pair({}, echoes);
    for (const tag of ['never seen', 'known here', 'known there']) {
      if (tag === 'known here') await during(clock, a.cache.set('other', 'x', { tags: [tag] }));
      if (tag === 'known there') await during(clock, b.cache.set('other', 'x', { tags: [tag] }));
      await clock.advance(100);
      await during(
        clock,
        a.cache.getOrSet(`k:${tag}`, (context) => (context.setTags([tag]), 'value')),
      );
      assert.equal(await during(clock, b.cache.get(`k:${tag}`)), 'value', tag);
    }
    assert.equal(a.cache.stats().loads.overtaken, 0);
    await Promise.all([a.cache.close(), b.cache.close()]);
  });
}

test('while the store is away one process still loads a key once, however often its connection fails', async () => {
  const { clock, a, b } = await pair();
  a.link.cut();
  let loads = 0;
  const gate = Promise.withResolvers<string>();
  const first = a.cache.getOrSet('k', () => (loads++, gate.promise), { tags: ['t'] });
  await clock.advance(100);
  const leases = await Promise.all([a.cache.begin('page'), a.cache.begin('page')]);
  assert.deepEqual(leases.map((lease) => lease.role).toSorted(), ['follower', 'leader']);
  const second = a.cache.getOrSet('k', () => (loads++, 'second'), { tags: ['t'] });
  gate.resolve('value');
  assert.deepEqual(await during(clock, Promise.all([first, second])), ['value', 'value']);
  assert.equal(loads, 1);
  await Promise.all([a.cache.close(), b.cache.close()]);
});

test('the news of a change strikes a load that was begun while the store was away', async () => {
  const { clock, a, b } = await pair();
  await during(clock, a.cache.set('other', 'so that the version of everything is known'));
  await during(clock, b.cache.set('k', 'old'));
  await clock.advance(1000);
  await during(clock, b.cache.delete('k'));
  await during(clock, a.cache.get('other'));
  a.link.freeze(400);
  const gate = Promise.withResolvers<string>();
  const load = a.cache.getOrSet('k', () => gate.promise);
  await clock.advance(200);
  await during(clock, b.cache.delete('k'));
  await clock.advance(400);
  gate.resolve('old');
  assert.equal(await during(clock, load), 'old', 'right for who asked before');
  assert.equal(await during(clock, a.cache.get('k')), undefined);
  await Promise.all([a.cache.close(), b.cache.close()]);
});
