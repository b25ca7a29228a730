import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { encodeFrame, FrameError, FrameParser, PING, TEXT } from './frames.ts';
import { readStamp, stampOf } from './stamp.ts';

/** A server's frame: the client's, unmasked. */
function serverFrame(first: number, payload: Buffer): Buffer {
  const masked = encodeFrame(first & 0x0f, payload, 0);
  const maskAt = masked.length - payload.length - 4;
  masked[1] = masked[1]! & 0x7f;
  masked[0] = first;
  return Buffer.concat([masked.subarray(0, maskAt), payload]);
}

function parse(wire: Buffer, cuts: readonly number[] = []): { messages: string[]; controls: string[] } {
  const messages: string[] = [];
  const controls: string[] = [];
  const parser = new FrameParser({
    onMessage: (bytes, start, end) => void messages.push(bytes.toString('latin1', start, end)),
    onControl: (opcode, payload) => void controls.push(`${opcode} ${payload.toString()}`),
  });
  let at = 0;
  for (const cut of [...cuts, wire.length]) {
    const piece = Buffer.from(wire.subarray(at, at + cut));
    parser.push(piece, 0, piece.length);
    piece.fill(0);
    at += cut;
  }
  return { messages, controls };
}

test('property: messages of any length, broken up anyhow, come out whole, with pings between their parts', () => {
  const message = fc.record({
    text: fc.oneof(
      fc.string({ unit: 'binary-ascii', maxLength: 20 }),
      fc.constantFrom('x'.repeat(125), 'y'.repeat(126), 'z'.repeat(70_000)),
    ),
    parts: fc.integer({ min: 1, max: 3 }),
  });
  fc.assert(
    fc.property(
      fc.array(message, { maxLength: 4 }),
      fc.array(fc.integer({ min: 1, max: 400 }), { maxLength: 20 }),
      (sent, cuts) => {
        const wire: Buffer[] = [];
        for (const { text, parts } of sent) {
          const size = Math.ceil(text.length / parts) || 1;
          const pieces = text.length === 0 ? [''] : text.match(new RegExp(`[\\s\\S]{1,${size}}`, 'g'))!;
          for (const [at, piece] of pieces.entries()) {
            const final = at === pieces.length - 1 ? 0x80 : 0;
            wire.push(serverFrame(final | (at === 0 ? TEXT : 0), Buffer.from(piece, 'latin1')));
            if (final === 0) wire.push(serverFrame(0x80 | PING, Buffer.from('hi')));
          }
        }
        const { messages, controls } = parse(Buffer.concat(wire), cuts);
        assert.deepEqual(
          messages,
          sent.map(({ text }) => text),
        );
        assert.ok(controls.every((control) => control === '9 hi'));
      },
    ),
    { numRuns: 50 },
  );
});

test('what RFC 6455 forbids is refused', () => {
  const text = Buffer.from('a');
  for (const wire of [
    encodeFrame(TEXT, text, 7),
    serverFrame(0xc1, text),
    serverFrame(0x80, text),
    serverFrame(0x83, text),
    serverFrame(0x09, text),
    serverFrame(0x89, Buffer.alloc(126)),
    Buffer.concat([serverFrame(0x01, text), serverFrame(0x81, text)]),
    Buffer.from([0x82, 127, 0, 0, 1, 0, 0, 0, 0, 0]),
  ]) {
    assert.throws(() => parse(wire), FrameError);
  }
});

test('a mask hides the payload and leaves its length', () => {
  const frame = encodeFrame(TEXT, Buffer.from('Hello'), 0x37fa213d);
  assert.equal(frame.toString('hex'), '818537fa213d7f9f4d5158', 'the example of RFC 6455, 5.7');
});

test('a stamp is read back to the microsecond, from anywhere in a message', () => {
  const bytes = Buffer.from(`before {"at":"${stampOf(123_456_789.1234)}"} after`);
  assert.equal(readStamp(bytes, 0, bytes.length), 123_456_789.123);
  assert.equal(readStamp(bytes, 20, bytes.length), undefined);
  assert.equal(readStamp(bytes, 0, 25), undefined, 'cut short');
  assert.equal(readStamp(Buffer.from('sent@x;'), 0, 7), undefined);
});
