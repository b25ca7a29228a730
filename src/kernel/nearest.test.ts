import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { nearestName } from './nearest.ts';

test('a slip of the pen is recognised', () => {
  const names = ['revalidate', 'storeTtl', 'memoryTtl', 'grace', 'class', 'limit'];
  const cases: [word: string, name: string | undefined][] = [
    ['revalidat', 'revalidate'],
    ['revaildate', 'revalidate'],
    ['stroeTtl', 'storeTtl'],
    ['STORETTL', 'storeTtl'],
    ['clas', 'class'],
    ['lmit', 'limit'],
    ['upstream', undefined],
    ['x', undefined],
    ['', undefined],
  ];
  for (const [word, name] of cases) assert.equal(nearestName(word, names), name, word);
});

test('of several the closest is taken, and the first of those that are equally close', () => {
  assert.equal(nearestName('cat', ['coat', 'bat', 'cats']), 'coat');
  assert.equal(nearestName('port', ['sort', 'ports', 'port']), 'port');
});

test('a swap of two neighbours counts as one slip', () => {
  assert.equal(nearestName('ab', ['xy', 'ba']), 'ba');
});

test('without candidates there is none, and a name is nearest to itself', () => {
  assert.equal(nearestName('port', []), undefined);
  fc.assert(
    fc.property(fc.array(fc.string({ minLength: 1 }), { minLength: 1 }), (names) => {
      const near = nearestName(names.at(-1)!, names);
      assert.equal(near?.toLowerCase(), names.at(-1)!.toLowerCase());
    }),
  );
});
