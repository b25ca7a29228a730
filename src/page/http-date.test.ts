import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatHttpDate, parseHttpDate } from './http-date.ts';

const NOW = Date.UTC(2026, 0, 1);
const AT = Date.UTC(1994, 10, 6, 8, 49, 37);

test('reads the three forms of RFC 9110', () => {
  for (const text of ['Sun, 06 Nov 1994 08:49:37 GMT', 'Sunday, 06-Nov-94 08:49:37 GMT', 'Sun Nov  6 08:49:37 1994'])
    assert.equal(parseHttpDate(text, NOW), AT, text);
  assert.equal(parseHttpDate('Friday, 20-Nov-26 00:00:00 GMT', NOW), Date.UTC(2026, 10, 20));
});

test('refuses everything else', () => {
  for (const text of [
    undefined,
    '',
    '0',
    '1994-11-06',
    'Sun, 06 Nov 1994 08:49:37',
    'Sun, 06 Nov 1994 25:00:00 GMT',
    'Sun, 31 Feb 2026 00:00:00 GMT',
  ])
    assert.equal(parseHttpDate(text, NOW), undefined, text);
});

test('reads back what it writes', () => {
  fc.assert(
    fc.property(fc.date({ min: new Date(0), max: new Date(Date.UTC(2100, 0)), noInvalidDate: true }), (date) => {
      assert.equal(parseHttpDate(formatHttpDate(date.getTime()), NOW), Math.floor(date.getTime() / 1000) * 1000);
    }),
  );
});
