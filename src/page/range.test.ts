import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ifRangeHolds, parseContentRange, requestedRange } from './range.ts';

test('one range of bytes, from, to and from the end', () => {
  assert.deepEqual(requestedRange('bytes=2-4', 10), { kind: 'part', first: 2, last: 4 });
  assert.deepEqual(requestedRange('bytes=2-', 10), { kind: 'part', first: 2, last: 9 });
  assert.deepEqual(requestedRange('bytes=-3', 10), { kind: 'part', first: 7, last: 9 });
  assert.deepEqual(requestedRange('bytes=-30', 10), { kind: 'part', first: 0, last: 9 });
  assert.deepEqual(requestedRange('bytes=10-', 10), { kind: 'unsatisfiable' });
  for (const other of ['bytes=4-2', 'bytes=0-1,3-4', 'lines=1-2', 'bytes=-', 'bytes=a-b'])
    assert.deepEqual(requestedRange(other, 10), { kind: 'whole' }, other);
});

test('a part lies within the whole, whatever is asked', () => {
  fc.assert(
    fc.property(fc.nat(), fc.option(fc.nat()), fc.integer({ min: 1, max: 1000 }), (from, to, total) => {
      const range = requestedRange(`bytes=${from}-${to ?? ''}`, total);
      if (range.kind === 'part') assert.ok(range.first <= range.last && range.last < total && range.first === from);
    }),
  );
});

test('If-Range needs the very answer', () => {
  assert.ok(ifRangeHolds(undefined, undefined, []) && ifRangeHolds('"a"', '"a"', []));
  assert.ok(!ifRangeHolds('W/"a"', 'W/"a"', []) && !ifRangeHolds('"b"', '"a"', []));
  assert.ok(ifRangeHolds('Thu, 01 Jan 2026 00:00:00 GMT', undefined, ['last-modified', 'Thu, 01 Jan 2026 00:00:00 GMT']));
});

test('Content-Range must make sense', () => {
  assert.deepEqual(parseContentRange('bytes 4-9/10'), { first: 4, last: 9, total: 10 });
  for (const bad of ['bytes 4-9/*', 'bytes 9-4/10', 'bytes 4-10/10', 'bytes */10', 'x', undefined])
    assert.equal(parseContentRange(bad), undefined, bad);
});
