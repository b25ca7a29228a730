import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { pageCodec, StoredPage, type PageData } from './stored-page.ts';

const lifetimes = {
  freshMs: 60_000,
  initialAgeMs: 0,
  staleWhileRevalidateMs: 0,
  staleIfErrorMs: 0,
  staleIfUnreachableMs: Infinity,
  alwaysValidate: false,
  neverStale: false,
};

function page(rest: Partial<PageData> = {}): StoredPage {
  return new StoredPage({
    status: 200,
    fields: ['content-type', 'text/html', 'x', 'ü'],
    body: Buffer.from('body'),
    negotiated: false,
    encoded: {},
    etag: '"a"',
    range: undefined,
    lifetimes,
    receivedMs: 1_700_000_000_000,
    renderMs: 12.5,
    address: { scheme: 'https', authority: 'site.test', path: '/p', query: 'a=1' },
    requestFields: ['accept', '*/*'],
    tags: ['t'],
    ...rest,
  });
}

test('a page comes back from bytes as it was', () => {
  const bytes = fc.uint8Array({ maxLength: 2000 }).map((array) => Buffer.from(array));
  fc.assert(
    fc.property(bytes, bytes, fc.boolean(), fc.array(fc.string()), (body, other, hasBr, tags) => {
      const before = page({ body, encoded: hasBr ? { br: other, zstd: body } : { gzip: other }, tags });
      const after = pageCodec.decode(pageCodec.encode(before)) as StoredPage;
      assert.deepEqual(after.data, before.data);
      assert.equal(after.offered, before.offered);
    }),
  );
});

test('what is no page comes back too, and a strange format is refused', () => {
  const index = { kind: 'variants', names: ['accept-language'], generation: 'x1', languages: { de: 'k' } } as const;
  assert.deepEqual(pageCodec.decode(pageCodec.encode(index)), index);
  assert.throws(() => pageCodec.decode(Buffer.from([9, 0, 0, 0, 0])), /format 9/);
});

test('its size counts every coding', () => {
  const [plain, coded] = [page(), page({ encoded: { br: Buffer.alloc(1000) } })].map((one) => pageCodec.sizeOf(one)) as [
    number,
    number,
  ];
  assert.equal(coded - plain, 1000);
});
