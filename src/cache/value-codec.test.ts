import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { FrameFormat, type FramedEntry } from './frame.ts';
import { suitsJson } from './plain-json.ts';
import { valueCodec } from './value-codec.ts';

const frames = new FrameFormat<unknown>(valueCodec, 1024);

function framed(value: unknown): FramedEntry<unknown> {
  const times = { storedMs: 1000, freshUntilMs: 2000, graceUntilMs: 3000, usableUntilMs: 4000 };
  return {
    value,
    tags: ['*', 'a'],
    versions: [
      { hard: 'v1', soft: 'v2' },
      { hard: 'v3', soft: 'v4' },
    ],
    times,
    loadMs: 7,
    memoryTtlMs: undefined,
  };
}

test('what goes in comes out', () => {
  fc.assert(
    fc.property(
      fc.anything({ withDate: true, withMap: true, withSet: true, withTypedArray: true, withNullPrototype: false }),
      (value) => {
        if (value === undefined || hasNoEqualInMessagePack(value)) return;
        assert.deepEqual(frames.decode(frames.encode(framed(value))), framed(value));
      },
    ),
  );
});

/** `-0` comes back as `0`, an invalid date as another invalid one, and `__proto__` under a harmless name. */
function hasNoEqualInMessagePack(value: unknown): boolean {
  return /(^|[^\w.])-0(?![.\d])|Date\(NaN\)|__proto__/.test(fc.stringify(value));
}

test('small plain objects are JSON, whatever JSON would change is not', () => {
  const isJson = (value: unknown): boolean => /^[{[]/.test(Buffer.from(valueCodec.encode(value)).toString('latin1'));
  const plain = { id: 1, name: 'Ada', roles: ['admin', null], address: { zip: '75001', geo: [32.7, -96.8] }, isActive: true };
  for (const value of [plain, [plain], {}, [], { text: 'x'.repeat(10_000) }]) assert.ok(isJson(value));
  const own = (extra: object): object => Object.assign({ id: 1 }, extra);
  const others = [
    undefined,
    -0,
    NaN,
    Infinity,
    1n,
    new Date(0),
    new Map(),
    new Set(),
    /x/,
    new Uint8Array(1),
    new URL('http://x'),
  ];
  for (const other of others) assert.ok(!isJson({ other }) && !isJson([[other]]), String(other));
  for (const value of [own({ toJSON: () => 7 }), own({ valueOf: undefined }), JSON.parse('{"__proto__":1}')])
    assert.ok(!isJson(value));
  for (const primitive of [91, 123, -5, 'text', true, null])
    assert.equal(valueCodec.decode(valueCodec.encode(primitive)), primitive);
  assert.ok(!isJson(Array.from({ length: 9 }, () => plain)), 'a list names the fields of its objects once');
  assert.ok(!isJson(Object.fromEntries(Array.from({ length: 65 }, (_, at) => [`field${at}`, at]))));
  const cyclic: unknown[] = [];
  cyclic.push(cyclic);
  assert.ok(!suitsJson(cyclic));
});

test('text and bytes are stored as they are, and compressed when that pays', () => {
  const html = '<li class="plan">12-month fixed</li>'.repeat(500);
  const stored = frames.encode(framed(html));
  assert.ok(stored.bytes.length < html.length / 10);
  assert.equal(frames.decode(stored)!.value, html);
  const noise = crypto.getRandomValues(new Uint8Array(5000));
  const kept = frames.decode(frames.encode(framed(noise)))!.value as Uint8Array;
  assert.deepEqual(new Uint8Array(kept), noise);
});

test('a frame marked stale in the store keeps its grace from that moment', () => {
  const stored = frames.encode(framed('x'));
  const { times } = frames.decode({ ...stored, freshUntilMs: 1500 })!;
  assert.deepEqual(times, { storedMs: 1000, freshUntilMs: 1500, graceUntilMs: 2500, usableUntilMs: 3500 });
});

test('the frame of this release: a change here is a new version byte', () => {
  const { bytes } = frames.encode(framed({ id: 1 }));
  assert.equal(
    Buffer.from(bytes).toString('latin1'),
    '\x02\x03\x1d\0\0\0' +
      '\0\0\0\0\0\x40\x8f\x40' +
      '\0\0\0\0\0\x40\x9f\x40' +
      '\0\0\0\0\0\0\x1c\x40' +
      '\0\0\0\0\0\0\xf8\x7f' +
      '["*","v1","v2","a","v3","v4"]{"id":1}',
  );
});

test('bytes that are no frame are no value', () => {
  for (const bytes of [
    new Uint8Array(0),
    new Uint8Array([1, ...new Uint8Array(60)]),
    new Uint8Array([2, 3, 255, ...new Uint8Array(60)]),
  ]) {
    assert.equal(frames.decode({ storedMs: 0, freshUntilMs: 0, bytes }), undefined);
  }
});
