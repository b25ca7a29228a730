import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { globTest } from './glob.ts';

test("patterns mean what they mean to Redis' KEYS", () => {
  const cases: [pattern: string, matching: string[], others: string[]][] = [
    ['user:*', ['user:1', 'user:', 'user:a:b'], ['users:1', 'xuser:1']],
    ['*', ['', 'anything'], []],
    ['h?llo', ['hello', 'hallo'], ['hllo', 'heello']],
    ['h[ae]llo', ['hello', 'hallo'], ['hillo']],
    ['h[^e]llo', ['hallo'], ['hello']],
    ['h[a-c]llo', ['hallo', 'hcllo'], ['hdllo']],
    ['a\\*b', ['a*b'], ['axb']],
    ['*:1:*', ['a:1:b', ':1:'], ['a:2:b']],
    ['plain', ['plain'], ['plain2']],
    ['x[', [], ['x']],
  ];
  for (const [pattern, matching, others] of cases) {
    const test = globTest(pattern);
    for (const key of matching) assert.ok(test(key), `${pattern} matches ${key}`);
    for (const key of others) assert.ok(!test(key), `${pattern} does not match ${key}`);
  }
});

test('every key matches itself, escaped', () => {
  fc.assert(fc.property(fc.string(), (key) => globTest(key.replaceAll(/[*?[\]\\]/g, '\\$&'))(key)));
});

test('a hostile pattern costs no more than key × pattern', () => {
  assert.equal(globTest(`${'*a'.repeat(50)}b`)('a'.repeat(5000)), false);
});
