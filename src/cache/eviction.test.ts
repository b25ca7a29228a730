import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { Lru } from './lru.ts';
import type { BoundedMap, Resident } from './resident.ts';
import { S3Fifo } from './s3-fifo.ts';

class Item implements Resident {
  visits = 0;
  queue: Resident['queue'] & undefined = undefined;
  older: this | undefined = undefined;
  newer: this | undefined = undefined;
  readonly key: string;
  readonly bytes: number;
  constructor(key: string, bytes = 1) {
    this.key = key;
    this.bytes = bytes;
  }
}

for (const Policy of [S3Fifo, Lru])
  test(`${Policy.name} stays within both bounds, whatever happens, and its sums are true`, () => {
    const step = fc.record({
      op: fc.constantFrom('set', 'get', 'delete', 'shrink'),
      key: fc.integer({ min: 0, max: 30 }),
      bytes: fc.integer({ min: 0, max: 40 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const cache: BoundedMap<Item> = new Policy<Item>(10, 100);
        for (const { op, key, bytes } of steps) {
          if (op === 'set') cache.set(new Item(String(key), bytes));
          else if (op === 'get') cache.get(String(key));
          else if (op === 'shrink') cache.shrink();
          else {
            const item = cache.look(String(key));
            if (item) cache.delete(item);
          }
          const members = [...cache.values()];
          assert.ok(cache.size <= 10 && cache.bytes <= 100);
          assert.equal(
            members.reduce((sum, item) => sum + item.bytes, 0),
            cache.bytes,
          );
        }
      }),
    );
  });

test('a scan does not wash out what is read often', () => {
  const cache = new S3Fifo<Item>(100, Infinity);
  for (let round = 0; round < 3; round++) {
    for (let hot = 0; hot < 50; hot++) if (!cache.get(`hot${hot}`)) cache.set(new Item(`hot${hot}`));
  }
  for (let cold = 0; cold < 10_000; cold++) cache.set(new Item(`cold${cold}`));
  const left = Array.from({ length: 50 }, (_, hot) => cache.look(`hot${hot}`)).filter(Boolean).length;
  assert.equal(left, 50);
});

test('what comes back soon after its eviction goes to the main queue', () => {
  const cache = new S3Fifo<Item>(10, Infinity);
  for (let at = 0; at < 20; at++) cache.set(new Item(`a${at}`));
  assert.ok(cache.wasEvicted('a5'));
  cache.set(new Item('a5'));
  for (let at = 0; at < 50; at++) cache.set(new Item(`b${at}`));
  assert.ok(cache.look('a5'), 'still there');
});

test('LRU evicts what was not read for longest', () => {
  const cache = new Lru<Item>(3, Infinity);
  for (const key of ['a', 'b', 'c']) cache.set(new Item(key));
  cache.get('a');
  cache.set(new Item('d'));
  cache.look('c');
  cache.set(new Item('e'));
  assert.deepEqual([...cache.values()].map((item) => item.key).toSorted(), ['a', 'd', 'e']);
  assert.ok(cache.wasEvicted('b') && cache.wasEvicted('c'));
});
