import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { MemoryKvStore } from '../drivers/memory-kv-store.ts';
import { SimulatedClock } from '../kernel/index.ts';
import type { KvStore, StoreListener } from '../ports/index.ts';
import { createCache, type Cache, type CacheOptions } from './index.ts';
import type { EntryOptions } from './types.ts';

/** A process that reads from a store over a slow line, and another that writes to it. */
function setup(t: TestContext, options: CacheOptions = {}) {
  const clock = new SimulatedClock();
  const server = new MemoryKvStore({}, { clock });
  const questions: (readonly string[])[] = [];
  const tagQuestions: (readonly string[])[] = [];
  const held: (() => void)[] = [];
  const line = { isHeld: false, isBroken: false, isDeaf: false };
  let listener: StoreListener | undefined;
  const inner = server.connect();
  const store: KvStore = new Proxy(inner, {
    get: (target, name) => {
      if (name === 'getMany') {
        return async (keys: readonly string[]) => {
          questions.push([...keys]);
          if (line.isBroken) throw new Error('broken');
          const values = await target.getMany(keys);
          if (line.isHeld) await new Promise<void>((resolve) => held.push(resolve));
          return values;
        };
      }
      if (name === 'versions') {
        return (tags: readonly string[]) => {
          tagQuestions.push([...tags]);
          return target.versions(tags);
        };
      }
      if (name === 'watch') {
        return (given: StoreListener, maxStalenessMs: number) => {
          listener = given;
          const onValue = (key: string): void => {
            if (!line.isDeaf) given.onValue(key);
          };
          const heard: StoreListener = {
            onValue,
            onTag: (tag) => given.onTag(tag),
            onPattern: (pattern) => given.onPattern(pattern),
            onAbandoned: (key) => given.onAbandoned(key),
            onGap: () => given.onGap(),
          };
          const watch = target.watch(heard, maxStalenessMs);
          return {
            get provenMs() {
              return line.isDeaf ? -Infinity : watch.provenMs;
            },
            close: () => watch.close(),
          };
        };
      }
      const member = target[name as keyof KvStore];
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
  const cache = createCache({ store, ttl: '1h', ...options }, { clock });
  const writer = createCache({ store: server.connect(), ttl: '1h' }, { clock });
  t.after(() => Promise.all([cache.close(), writer.close()]));
  const release = async (): Promise<void> => {
    line.isHeld = false;
    for (const go of held.splice(0)) go();
    await clock.advance(0);
  };
  return { clock, server, cache, writer, questions, tagQuestions, line, release, gap: () => listener!.onGap() };
}

const named = (count: number): string[] => Array.from({ length: count }, (_, at) => `k:${at}`);
const valuesOf = (keys: readonly string[]): Record<string, string> =>
  Object.fromEntries(keys.map((key) => [key, `value of ${key}`]));

test('what is read in one turn is one question, whoever asks', async (t) => {
  const { cache, writer, questions } = setup(t);
  const keys = named(20);
  await writer.setMany(valuesOf(keys));
  const [many, some, one, none] = await Promise.all([
    cache.getMany(keys.slice(0, 15)),
    cache.getMany([...keys.slice(10, 18), 'none', keys[0]!]),
    cache.get(keys[19]!),
    cache.get('none'),
  ]);
  assert.deepEqual(
    many,
    keys.slice(0, 15).map((key) => `value of ${key}`),
  );
  assert.deepEqual(some, [...keys.slice(10, 18).map((key) => `value of ${key}`), undefined, 'value of k:0']);
  assert.equal(one, 'value of k:19');
  assert.equal(none, undefined);
  assert.deepEqual(
    questions.map((asked) => asked.toSorted()),
    [[...keys.filter((key) => key !== 'k:18'), 'none'].toSorted()],
  );
  assert.deepEqual(await cache.getMany(keys.slice(0, 15)), many);
  assert.equal(questions.length, 1, 'now memory has them');
});

test('a question has an end: many keys are several', async (t) => {
  const { cache, writer, questions } = setup(t);
  const keys = named(450);
  await writer.setMany(valuesOf(keys));
  assert.deepEqual(await cache.getMany(keys), Object.values(valuesOf(keys)));
  assert.deepEqual(
    questions.map((asked) => asked.length),
    [200, 200, 50],
  );
});

test('who comes while a key is being read shares the answer, in either direction', async (t) => {
  const { cache, clock, writer, questions, line, release } = setup(t);
  const keys = named(5);
  await writer.setMany(valuesOf(keys));
  line.isHeld = true;
  const first = cache.getMany(keys.slice(0, 3));
  await clock.advance(0);
  const second = cache.get(keys[1]!);
  const third = cache.getMany(keys);
  await clock.advance(0);
  assert.deepEqual(questions, [keys.slice(0, 3), keys.slice(3)]);
  await release();
  assert.deepEqual(await third, Object.values(valuesOf(keys)));
  assert.deepEqual(await first, (await third).slice(0, 3));
  assert.equal(await second, 'value of k:1');
});

const INVALIDATIONS: Readonly<Record<string, (cache: Cache) => Promise<unknown>>> = {
  delete: (cache) => cache.delete('k:1'),
  expire: (cache) => cache.expire('k:1'),
  set: (cache) => cache.set('k:1', 'new'),
  deletePattern: (cache) => cache.deletePattern('*:1'),
};

for (const [name, invalidate] of Object.entries(INVALIDATIONS)) {
  for (const here of [true, false]) {
    test(`${name} ${here ? 'here' : 'elsewhere'} during a read of many: nobody who comes after shares it, and it is not kept`, async (t) => {
      const { cache, clock, writer, questions, line, release } = setup(t);
      const keys = named(3);
      await writer.setMany(valuesOf(keys));
      line.isHeld = true;
      const before = cache.getMany(keys);
      await clock.advance(0);
      await invalidate(here ? cache : writer);
      const expected = name === 'set' ? 'new' : undefined;
      const after = cache.getMany(keys);
      await clock.advance(0);
      await release();
      assert.equal((await before)[0], 'value of k:0');
      assert.deepEqual(await after, ['value of k:0', expected, 'value of k:2']);
      assert.equal(await cache.get('k:1'), expected);
      if (!(name === 'set' && here)) assert.deepEqual(questions[1], ['k:1'], 'only what was invalidated is asked for again');
    });
  }
}

for (const [name, invalidate] of Object.entries(INVALIDATIONS)) {
  for (const tagsAreKnown of [true, false]) {
    const title = `${name} elsewhere during a read of many leaves nothing of it in memory, tags ${tagsAreKnown ? '' : 'not '}known`;
    test(title, async (t) => {
      const { cache, clock, writer, line, release } = setup(t);
      await writer.setMany(valuesOf(named(4)));
      if (tagsAreKnown) await cache.get('k:3');
      line.isHeld = true;
      const reading = cache.getMany(named(3));
      await clock.advance(0);
      await invalidate(writer);
      await release();
      assert.deepEqual(await reading, Object.values(valuesOf(named(3))), 'who asked before may have it');
      assert.equal(cache.peek('k:0')?.value, 'value of k:0');
      assert.equal(cache.peek('k:1'), undefined);
    });
  }
}

test('a key invalidated in the turn in which it is asked for is asked for once more, the others are not', async (t) => {
  const { cache, writer, questions } = setup(t);
  const keys = named(3);
  await writer.setMany(valuesOf(keys));
  const [, , after] = await Promise.all([cache.getMany(keys), cache.delete('k:1'), cache.getMany(keys)]);
  assert.deepEqual(questions, [keys, ['k:1']]);
  assert.deepEqual([after[0], after[2]], ['value of k:0', 'value of k:2']);
});

test('after a gap nobody shares a read from before it, and tags are asked for again', async (t) => {
  const { cache, clock, writer, questions, line, release, gap } = setup(t);
  const keys = named(3);
  await writer.setMany(valuesOf(keys), { tags: ['t'] });
  await cache.get('k:2');
  line.isHeld = true;
  const before = cache.getMany(['k:0', 'k:1']);
  await clock.advance(0);
  gap();
  const after = cache.getMany(['k:0', 'k:1']);
  await clock.advance(0);
  assert.deepEqual(questions.slice(1), [
    ['k:0', 'k:1'],
    ['k:0', 'k:1'],
  ]);
  await release();
  assert.deepEqual(await after, ['value of k:0', 'value of k:1']);
  assert.deepEqual(await before, await after);
});

test('what was read is proven from before it was asked for', async (t) => {
  const { cache, clock, writer, questions, line, release } = setup(t, { maxStaleness: '1s' });
  line.isDeaf = true;
  await writer.set('k', 'value');
  line.isHeld = true;
  const reading = cache.getMany(['k']);
  await clock.advance(900);
  await release();
  await reading;
  await cache.getMany(['k']);
  assert.equal(questions.length, 1);
  await clock.advance(150);
  await cache.getMany(['k']);
  assert.equal(questions.length, 2);
});

test('what the store no longer has leaves memory, unless it was stored since', async (t) => {
  const { cache, clock, writer, server, line, release } = setup(t, { maxStaleness: '1s' });
  line.isDeaf = true;
  await writer.set('k', 'value');
  await cache.get('k');
  await clock.advance(1100);
  line.isHeld = true;
  const reading = cache.getMany(['k', 'other']);
  await clock.advance(0);
  await cache.set('other', 'set here');
  await release();
  await reading;
  assert.equal(cache.peek('other')?.value, 'set here');
  const raw = server.connect();
  await raw.remove(['k', 'other']);
  await clock.advance(1100);
  assert.deepEqual(await cache.getMany(['k', 'other']), [undefined, undefined]);
  assert.equal(cache.stats().memory.entries, 0);
});

test('what was read does not take the place of what was loaded since', async (t) => {
  const { cache, clock, writer, line, release } = setup(t);
  await writer.set('k', 'old');
  line.isHeld = true;
  const reading = cache.getMany(['k']);
  await clock.advance(10);
  assert.equal(await cache.getOrSet('k', () => 'new', { forceFresh: true }), 'new');
  await release();
  assert.deepEqual(await reading, ['old']);
  assert.equal(cache.peek('k')?.value, 'new');
});

test('a tag invalidated during a read of many: the entries of the tag are not served, the others are', async (t) => {
  for (const here of [true, false]) {
    const { cache, clock, writer, line, release } = setup(t);
    await writer.set('k:0', 'tagged', { tags: ['t'] });
    await writer.set('k:1', 'plain');
    line.isHeld = true;
    const before = cache.getMany(['k:0', 'k:1']);
    await clock.advance(0);
    await (here ? cache : writer).invalidateTags(['t']);
    await release();
    assert.equal((await before)[1], 'plain');
    assert.deepEqual(await cache.getMany(['k:0', 'k:1']), [undefined, 'plain']);
  }
});

test('the tags of all values are one question', async (t) => {
  const { cache, writer, tagQuestions } = setup(t);
  const keys = named(30);
  for (const [at, key] of keys.entries()) await writer.set(key, at, { tags: [`own:${at}`, `shared:${at % 3}`] });
  assert.deepEqual(await cache.getMany(keys), [...keys.keys()]);
  assert.equal(tagQuestions.length, 1);
  assert.equal(tagQuestions[0]!.length, 30 + 3 + 1);
});

test('values with more tags than the table holds are asked about in turn', async (t) => {
  const { cache, writer, tagQuestions } = setup(t, { maxTags: 1000 });
  const keys = named(150);
  for (const key of keys) await writer.set(key, 1, { tags: Array.from({ length: 10 }, (_, at) => `${key}:${at}`) });
  assert.deepEqual(
    await cache.getMany(keys),
    keys.map(() => 1),
  );
  assert.ok(tagQuestions.length <= 15 && tagQuestions.every((tags) => tags.length <= 125));
});

test('a value that cannot be read is no value, and spoils no other', async (t) => {
  const { cache, server, writer, clock } = setup(t);
  const keys = named(3);
  await writer.setMany(valuesOf(keys));
  await writer.set('k:1', new Map([['a', 1]]));
  const raw = server.connect();
  const { bytes, ...times } = (await raw.get('k:1'))!;
  await raw.put([{ key: 'k:1', value: { ...times, bytes: bytes.subarray(0, -1) }, keepMs: 60_000 }]);
  assert.deepEqual(await cache.getMany(keys), ['value of k:0', undefined, 'value of k:2']);
  const loading = cache.getOrSet('k:1', () => 'loaded');
  await clock.advance(10);
  assert.equal(await loading, 'loaded');
});

test('while the store does not answer, many are answered as one would be', async (t) => {
  const { cache, clock, writer, line } = setup(t, { grace: '1h', maxStaleness: '1s' });
  await writer.setMany(valuesOf(named(2)), { grace: '1h' });
  await cache.get('k:0');
  await clock.advance(3000);
  line.isBroken = true;
  await cache.expire('none');
  assert.deepEqual(await cache.getMany(['k:0', 'k:1', 'none']), ['value of k:0', undefined, undefined]);
  assert.deepEqual(cache.stats().misses, { absent: 2, expired: 0, evicted: 0, invalidated: 0, unproven: 0 });
});

test('each key of a read of many is counted and told of', async (t) => {
  const { cache, writer } = setup(t);
  await writer.setMany(valuesOf(named(3)));
  await cache.get('k:0');
  const told: unknown[] = [];
  cache.events.on('hit', (event) => told.push(event));
  cache.events.on('miss', (event) => told.push(event));
  await cache.namespace('other').getMany(['x']);
  await cache.getMany(['k:0', 'k:1', 'none', 'k:2']);
  assert.deepEqual(told, [
    { key: 'other:x', reason: 'absent' },
    { key: 'k:0', tier: 'memory', stale: false },
    { key: 'k:1', tier: 'store', stale: false },
    { key: 'none', reason: 'absent' },
    { key: 'k:2', tier: 'store', stale: false },
  ]);
  const { hits, misses } = cache.stats();
  assert.deepEqual([hits.memory, hits.store, misses.absent], [1, 3, 2]);
});

test('values of many are frozen or cloned, as told', async (t) => {
  const frozen = setup(t, { values: 'frozen' });
  await frozen.writer.set('k', { a: 1 });
  assert.ok(Object.isFrozen((await frozen.cache.getMany(['k']))[0]));
  const cloned = setup(t, { values: 'cloned' });
  await cloned.writer.set('k', { a: 1 });
  const [[first], [second]] = [await cloned.cache.getMany(['k']), await cloned.cache.getMany(['k'])];
  assert.deepEqual(first, second);
  assert.notEqual(first, second);
});

const COPIES: readonly (readonly [what: string, options: CacheOptions, entry: EntryOptions, isAskedAgain: boolean])[] = [
  ['as long as the value is fresh', {}, {}, false],
  ['for memoryTtl', { memoryTtl: '1s' }, {}, true],
  ['for the memoryTtl of the rule', { memoryTtl: '1h', rules: [{ prefix: 'k', memoryTtl: '1s' }] }, {}, true],
  ['for the memoryTtl of the one who stored it', { memoryTtl: '1h' }, { memoryTtl: '1s' }, true],
  ['for the memoryTtl of the one who stored it, rather than its own', { memoryTtl: '1s' }, { memoryTtl: '1h' }, false],
];

for (const [what, options, entry, isAskedAgain] of COPIES) {
  test(`a copy of what another process stored is kept ${what}`, async (t) => {
    const { cache, writer, clock, questions } = setup(t, options);
    await writer.set('k', 'value', entry);
    await cache.get('k');
    await clock.advance(900);
    await cache.get('k');
    assert.equal(questions.length, 1);
    await clock.advance(200);
    assert.equal(await cache.get('k'), 'value');
    assert.equal(questions.length, isAskedAgain ? 2 : 1);
  });
}

test('a value that a load was given in place of a lease is kept for memoryTtl too', async (t) => {
  const { cache, writer, clock, line, questions } = setup(t, { memoryTtl: '1s' });
  await writer.set('k', 'value');
  line.isBroken = true;
  // The read fails; the store answers the load all the same, with what it has.
  assert.equal(await cache.getOrSet('k', () => assert.fail('loaded')), 'value');
  line.isBroken = false;
  const before = questions.length;
  await clock.advance(1100);
  assert.equal(await cache.get('k'), 'value');
  assert.equal(questions.length, before + 1);
});
