import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseCacheControl, responseControl } from './cache-control.ts';

test('reads directives whatever their case, quotes and neighbours', () => {
  const directives = parseCacheControl('Public, MAX-AGE="60" , ext="a, max-age=1",  no-cache="Set-Cookie, x", ,bad name=1');
  assert.equal(directives.get('max-age'), '60');
  assert.equal(directives.get('ext'), 'a, max-age=1');
  assert.equal(directives.get('no-cache'), 'Set-Cookie, x');
  assert.ok(directives.has('public') && !directives.has('bad'));
});

test('doubt makes an answer stale: of two lifetimes the shorter, of an unreadable one none', () => {
  const maxAge = (value: string) => responseControl(['cache-control', value]).maxAge;
  assert.equal(maxAge('max-age=1800, max-age=1'), 1);
  assert.equal(maxAge('max-age=1, max-age=1800'), 1);
  for (const bad of ["'60'", '-60', '60.5', '60a', 'a60', '']) assert.equal(maxAge(`max-age=${bad}`), 0, bad);
  assert.equal(maxAge('max-age=99999999999'), 2 ** 31);
  assert.equal(maxAge('max-age =60'), undefined);
});

test('qualified no-cache and private name fields, and do not forbid', () => {
  const control = responseControl(['cache-control', 'no-cache="A, b", private="c"']);
  assert.deepEqual([control.noCache, control.private, control.withheldFields], [false, false, ['a', 'b', 'c']]);
});

test('the field aimed closest decides, when it is sound', () => {
  const fields = (cdn: string) => ['cdn-cache-control', cdn, 'surrogate-control', 'max-age=2', 'cache-control', 'max-age=1'];
  assert.equal(responseControl(fields('max-age=3')).maxAge, 3);
  for (const unsound of ['max-age=3, &&&', 'max-age="3"', 'MAX-AGE=3', '', 'max-age=3;'])
    assert.equal(responseControl(fields(unsound)).maxAge, 2, unsound);
  assert.equal(
    responseControl(['surrogate-control', 'content="ESI/1.0", max-age=30+60;edge', 'cache-control', 'max-age=1']).maxAge,
    0,
  );
  assert.equal(responseControl(['cdn-cache-control', 'no-store', 'cache-control', 'max-age=9']).noStore, true);
});

test('never throws, whatever comes', () => {
  fc.assert(fc.property(fc.string(), (text) => void responseControl(['cache-control', text, 'cdn-cache-control', text])));
});
