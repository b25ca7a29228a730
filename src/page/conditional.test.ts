import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isNotModified, updatedFields } from './conditional.ts';

const NOW = Date.UTC(2026, 0, 1);
const FIELDS = ['last-modified', 'Wed, 31 Dec 2025 00:00:00 GMT'];

test('If-None-Match compares weakly and rules out If-Modified-Since', () => {
  const matches = (ifNoneMatch: string, etag: string | undefined) =>
    isNotModified({ ifNoneMatch, ifModifiedSince: 'Thu, 01 Jan 2026 00:00:00 GMT' }, etag, FIELDS, NOW);
  assert.ok(matches('"a"', '"a"') && matches('W/"a"', '"a"') && matches('"a"', 'W/"a"'));
  assert.ok(matches('"x", "a,b" , "y"', '"a,b"') && matches('*', undefined));
  assert.ok(!matches('"b"', '"a"') && !matches('"a"', undefined) && !matches('"a,b"', '"a"'));
});

test('If-Modified-Since compares with Last-Modified, or with Date', () => {
  const since = (ifModifiedSince: string, fields = FIELDS) =>
    isNotModified({ ifNoneMatch: undefined, ifModifiedSince }, undefined, fields, NOW);
  assert.ok(since('Wed, 31 Dec 2025 00:00:00 GMT') && since('Thu, 01 Jan 2026 00:00:00 GMT'));
  assert.ok(!since('Tue, 30 Dec 2025 00:00:00 GMT') && !since('yesterday'));
  assert.ok(since('Thu, 01 Jan 2026 00:00:00 GMT', ['date', 'Thu, 01 Jan 2026 00:00:00 GMT']));
});

test('a 304 replaces the fields it names, all lines of them, but not what the body hangs on', () => {
  const stored = ['etag', '"a"', 'content-length', '5', 'x', '1', 'x', '2', 'y', '1'];
  const kept = ['etag', '"a"', 'content-length', '5', 'y', '1'];
  assert.deepEqual(updatedFields(stored, ['x', '3', 'content-length', '0', 'z', '1']), kept.concat('x', '3', 'z', '1'));
});
