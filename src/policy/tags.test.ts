import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expandTag, paramsOfTag } from './tags.ts';

test('a parameter begins with a colon that is not within a word', () => {
  assert.deepEqual(paramsOfTag('city::city'), ['city']);
  assert.deepEqual(paramsOfTag(':city-:filters'), ['city', 'filters']);
  assert.deepEqual(paramsOfTag('section:plans'), []);
  assert.deepEqual(paramsOfTag('plan:42'), []);
});

test('parameters are put in', () => {
  assert.equal(expandTag('city::city', { city: 'dallas' }), 'city:dallas');
  assert.equal(expandTag('plans', {}), 'plans');
  assert.equal(expandTag(':a/:b', { a: '1', b: '2' }), '1/2');
});

test('what would break a header list is encoded', () => {
  assert.equal(expandTag(':city', { city: 'a b,c\r\nX: 1' }), 'a%20b%2Cc%0D%0AX%3A%201');
  assert.equal(expandTag(':city', { city: 'größe' }), 'gr%C3%B6%C3%9Fe');
});
