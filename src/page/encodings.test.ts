import assert from 'node:assert/strict';
import { test } from 'node:test';
import { accepts, chooseEncoding, Compressor, EncodingChoices, ENCODINGS, isCompressible } from './encodings.ts';

test('takes the coding the client likes best, of equals the smallest', () => {
  const choose = (accept: string) => chooseEncoding(accept, ENCODINGS);
  assert.equal(choose('gzip, deflate, br, zstd'), 'zstd');
  assert.equal(choose('gzip, deflate, br'), 'br');
  assert.equal(choose('br;q=0.5, gzip;q=0.8'), 'gzip');
  assert.equal(choose('*'), 'zstd');
  assert.equal(choose('zstd;q=0, *'), 'br');
  assert.equal(choose('X-GZIP'), 'gzip');
  for (const none of ['', 'identity', 'deflate', 'gzip;q=0', 'gzip;q=0.5, identity;q=1', 'gzip;q=x'])
    assert.equal(choose(none), undefined, none);
  assert.ok(accepts('gzip', 'gzip') && !accepts('br', 'gzip') && !accepts('', 'gzip'));
});

test('remembers choices for as many kinds of clients as it may', () => {
  const choices = new EncodingChoices(2);
  for (const accept of ['gzip', 'br', 'zstd', 'gzip, br']) {
    for (let offered = 0; offered < 8; offered++) {
      const expected = chooseEncoding(
        accept,
        ENCODINGS.filter((_, bit) => offered & (1 << bit)),
      );
      assert.equal(choices.choose(accept, offered), expected);
      assert.equal(choices.choose(accept, offered), expected);
    }
  }
});

test('compresses text, and leaves what would hardly shrink', async () => {
  for (const type of [
    'text/html',
    'application/json; charset=utf-8',
    'application/ld+json',
    'image/svg+xml',
    'application/problem+json',
  ])
    assert.ok(isCompressible(type), type);
  for (const type of [undefined, 'image/png', 'application/octet-stream', 'text/event-stream', 'video/mp4'])
    assert.ok(!isCompressible(type), type);
  const compressor = new Compressor(1);
  const text = compressor.compress(Buffer.from('abc'.repeat(1000)), ENCODINGS);
  const noise = compressor.compress(Buffer.from(Array.from({ length: 3000 }, (_, at) => (at * 7919 * at) % 251)), []);
  assert.deepEqual(Object.keys(await text).toSorted(), ['br', 'gzip', 'zstd']);
  assert.deepEqual(await noise, {});
  assert.equal(compressor.waiting, 0);
});
