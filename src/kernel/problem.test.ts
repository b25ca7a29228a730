import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PROBLEM_KINDS, problemFields, problemText } from './problem.ts';

test('a status alone makes a document', () => {
  assert.equal(problemText({ status: 404 }), '{"type":"about:blank","title":"Not Found","status":404}');
  assert.equal(problemText({ status: 499 }), '{"type":"about:blank","title":"Error","status":499}');
});

test('members come in the order of RFC 9457, those of the kind last', () => {
  const text = problemText({
    more: { 'violated-policies': ['a'], unknown: undefined },
    instance: 'r1',
    detail: 'Try again in 3 s.',
    title: 'Too many requests',
    status: 429,
    type: PROBLEM_KINDS.quotaExceeded,
  });
  assert.equal(
    text,
    `{"type":"${PROBLEM_KINDS.quotaExceeded}","title":"Too many requests","status":429,"detail":"Try again in 3 s.","instance":"r1","violated-policies":["a"]}`,
  );
});

test('the fields tell type and length, and forbid keeping it', () => {
  assert.deepEqual(problemFields(12), [
    ['content-type', 'application/problem+json'],
    ['content-length', '12'],
    ['cache-control', 'no-store'],
  ]);
});
