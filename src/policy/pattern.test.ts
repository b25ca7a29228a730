import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePattern, shapeOf, type Pattern } from './pattern.ts';

test('reads methods, literals, parameters and wildcards', () => {
  assert.deepEqual(parsePattern('POST /plans/:city/*/**'), {
    text: 'POST /plans/:city/*/**',
    method: 'POST',
    segments: [
      { kind: 'literal', text: 'plans' },
      { kind: 'one', name: 'city' },
      { kind: 'one', name: undefined },
      { kind: 'rest' },
    ],
    params: ['city'],
  });
});

test('says what is wrong with a pattern', () => {
  const cases: [text: string, message: RegExp][] = [
    ['plans', /starts with '\/'/],
    ['post /plans', /'post' is not a method/],
    ['/a//b', /no empty segment/],
    ['/a/**/b', /stands only at the end/],
    ['/a/b*', /mixes text/],
    ['/a/x:city', /mixes text/],
    ['/a/:', /is not a parameter/],
    ['/a/:my-city', /is not a parameter/],
    ['/a?b=1', /without query/],
    ['/a#b', /without query/],
    ['/:a/:a', /':a' occurs twice/],
  ];
  for (const [text, message] of cases) {
    const fault = parsePattern(text);
    assert.ok('message' in fault, text);
    assert.match(fault.message, message);
  }
});

test('patterns that match the same paths have one shape', () => {
  const shape = (text: string): string => shapeOf(parsePattern(text) as Pattern);
  assert.equal(shape('/a/:x'), shape('/a/*/'));
  assert.notEqual(shape('/a/:x'), shape('GET /a/:x'));
  assert.notEqual(shape('/a/:x'), shape('/a/**'));
});
