import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { Names } from './redis-names.ts';
import { slotOf } from './redis-slots.ts';

const single = new Names('app:', false);
const cluster = new Names('app:', true);

/** The slot Redis puts a name into. */
function slotOfName(name: string): number {
  return slotOf(/\{(.+?)\}/s.exec(name)?.[1] ?? name);
}

test('the names of this release: a change here empties every cache', () => {
  assert.deepEqual(single.all('user:{1}'), ['d', 'l', 'f'].map((kind) => `app:${kind}:{user:%7B1%7D}`).concat('app:s:'));
  assert.deepEqual(cluster.all('user:{1}'), ['app:d:{130}user:{1}', 'app:l:{130}user:{1}', 'app:f:{130}user:{1}', 'app:s:{130}']);
  assert.deepEqual(cluster.withLane('t', 'plans'), ['app:t:{104}plans', 'app:s:{104}']);
});

test('every name leads back to its key', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.constantFrom('d', 'l', 'f', 't', 'p'), (key, kind) => {
      for (const names of [single, cluster]) assert.deepEqual(names.parse(names.of(kind as 'd', key)), { kind, key });
    }),
  );
});

test('all that belongs to a key of a cluster lies in one slot, near that of the key', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', minLength: 1 }), (key) => {
      const slots = new Set([...cluster.all(key), ...cluster.withLane('t', key)].map(slotOfName));
      assert.equal(slots.size, 1);
      assert.ok(Math.abs([...slots][0]! - slotOf(key)) < 128);
    }),
  );
});

test('a name in the slot of a hash tag is there', () => {
  for (const names of [single, cluster]) assert.equal(slotOfName(names.inSlotOf('17')), slotOf('17'));
});

test('lanes are spread evenly', () => {
  const slots = cluster.lanes.map(slotOfName);
  assert.deepEqual(
    slots.map((slot) => Math.floor(slot / 128)),
    Array.from({ length: 128 }, (_, lane) => lane),
  );
});

test('a pattern finds what it matches on a cluster, and no more', () => {
  assert.equal(cluster.pattern('d', 'user:*'), 'app:d:{???}user:*');
  assert.equal(single.pattern('d', 'a{b}*'), 'app:d:{a%7Bb%7D*}');
  assert.equal(new Names('a[b]*:', false).pattern('d', '*'), String.raw`a\[b\]\*:d:{*}`);
});

test('braces in the prefix do not decide on the slot', () => {
  assert.equal(new Names('{x}:', true).of('d', 'k').startsWith('%7Bx%7D:d:{'), true);
});
