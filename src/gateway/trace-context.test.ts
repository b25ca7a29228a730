import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { test } from 'node:test';
import fc from 'fast-check';
import { seededRandom } from '../kernel/index.ts';
import { TraceContext } from './trace-context.ts';

const VALID = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-0[0-3]$/;
const given = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

function applied(fields: string[], sample = 0): Record<string, string> {
  const raw = [...fields];
  new TraceContext(sample, seededRandom(1)).applyTo({ rawHeaders: raw, headers: {} } as IncomingMessage);
  return Object.fromEntries(Array.from({ length: raw.length / 2 }, (_, at) => [raw[at * 2]!, raw[at * 2 + 1]!]));
}

test('a trace that comes with a request goes on, with a part of its own', () => {
  const { traceparent, Tracestate } = applied(['Traceparent', given, 'Tracestate', 'vendor=1']);
  assert.match(traceparent!, VALID);
  assert.equal(traceparent!.slice(0, 36), given.slice(0, 36));
  assert.notEqual(traceparent!.slice(36, 52), given.slice(36, 52));
  assert.equal(traceparent!.slice(-2), '01');
  assert.equal(Tracestate, 'vendor=1');
});

test('a version that is not known yet goes on as the one that is', () => {
  const { traceparent } = applied(['traceparent', `cc${given.slice(2, -2)}ff-what-the-future-brings`]);
  assert.equal(traceparent!.slice(0, 36), given.slice(0, 36));
  assert.equal(traceparent!.slice(-2), '03', 'flags nobody knows are not passed on');
});

test('what is no trace, or two of them, is replaced by a new one, and its state goes', () => {
  const wrong = [
    '00-00000000000000000000000000000000-00f067aa0ba902b7-01',
    '00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01',
    `ff${given.slice(2)}`,
    given.toUpperCase(),
    `${given}-more`,
    given.slice(0, -1),
    '',
  ];
  for (const one of wrong) {
    const fields = applied(['traceparent', one, 'tracestate', 'vendor=1', 'accept', '*/*']);
    assert.match(fields['traceparent']!, VALID);
    assert.notEqual(fields['traceparent']!.slice(3, 35), given.slice(3, 35), one);
    assert.deepEqual(Object.keys(fields), ['accept', 'traceparent']);
  }
  assert.notEqual(applied(['traceparent', given, 'Traceparent', given])['traceparent']!.slice(3, 35), given.slice(3, 35));
});

test('a trace begun here is sampled as often as was said', () => {
  const context = new TraceContext(0.25, seededRandom(7));
  const begun = Array.from({ length: 2000 }, () => context.next());
  const sampled = begun.filter((one) => one.endsWith('-01')).length;
  assert.ok(sampled > 400 && sampled < 600, `${sampled} of 2000`);
  assert.equal(new Set(begun.map((one) => one.slice(3, 35))).size, begun.length);
});

test('whatever comes, what goes on is valid', () => {
  const context = new TraceContext(0, seededRandom(3));
  const near = fc.stringMatching(/^[0-9a-f]{2}-[0-9a-f]{31,33}-[0-9a-f]{15,17}-[0-9a-f]{1,3}.?$/);
  fc.assert(fc.property(fc.oneof(fc.string(), near), (text) => VALID.test(context.next(text))));
});
