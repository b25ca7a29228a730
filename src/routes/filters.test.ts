import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { filterVocabulary, TEXAS_ELECTRICITY } from './index.ts';

const { filters, highValue, premium } = TEXAS_ELECTRICITY;
const vocabulary = filterVocabulary({ filters, highValue, premium });
const subset = fc.subarray([...vocabulary.names], { minLength: 1 });

test('a declared combination keeps the order it was declared in', () => {
  assert.deepEqual(vocabulary.canonicalFilters('fixed-rate+12-month'), {
    canonical: '12-month+fixed-rate',
    wasCanonical: false,
    filters: ['12-month', 'fixed-rate'],
  });
  assert.equal(vocabulary.canonicalFilters('green-energy+12-month')?.wasCanonical, true);
  assert.equal(vocabulary.canonicalFilters('12-month+green-energy')?.canonical, 'green-energy+12-month');
  assert.equal(vocabulary.canonicalFilters('green-energy+24-month')?.canonical, '24-month+green-energy');
});

test('unknown, repeated and contradicting filters have no page', () => {
  for (const text of [
    '',
    'cheap',
    '12-month+',
    '+12-month',
    '12-month+12-month',
    '12-month+24-month',
    'fixed-rate+variable-rate',
    'constructor',
  ]) {
    assert.equal(vocabulary.canonicalFilters(text), undefined, text);
  }
});

test('letter case is forgiven and redirects', () => {
  assert.deepEqual(vocabulary.canonicalFilters('Fixed-Rate'), {
    canonical: 'fixed-rate',
    wasCanonical: false,
    filters: ['fixed-rate'],
  });
});

test('every order of a combination has the same canonical spelling, which is canonical itself', () => {
  fc.assert(
    fc.property(
      subset.chain((names) => fc.tuple(fc.constant(names), fc.shuffledSubarray(names, { minLength: names.length }))),
      ([names, shuffled]) => {
        const one = vocabulary.canonicalFilters(names.join('+'));
        const other = vocabulary.canonicalFilters(shuffled.join('+'));
        assert.equal(one?.canonical, other?.canonical);
        if (!one) return;
        assert.equal(vocabulary.canonicalFilters(one.canonical)?.wasCanonical, true);
        assert.deepEqual(one.filters.toSorted(), names.toSorted());
      },
    ),
  );
});

test('any text at all is answered', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const result = vocabulary.canonicalFilters(text);
      assert.ok(result === undefined || vocabulary.names.includes(result.filters[0]!));
    }),
  );
});

test('wrong combinations are named with the nearest filter, all at once', () => {
  assert.throws(() => filterVocabulary({ filters, highValue: ['12-months'], premium: ['12-month+24-month'] }), {
    code: 'SPILLWAY_CONFIG_INVALID',
    message:
      /2 problems[\s\S]*highValue\[0\]: '12-months' is not one of the filters; did you mean '12-month'\?[\s\S]*premium\[0\]: '12-month\+24-month' names a filter twice/,
  });
});
