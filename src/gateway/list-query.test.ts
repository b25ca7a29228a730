import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { assert as assertProperty, property, string } from 'fast-check';
import { cursorAfter, parseListQuery, type ListRules } from './list-query.ts';

const rules: ListRules = {
  maxLimit: 50,
  filters: { city: 'text', price: 'number', term: ['12', '24'] },
  sort: ['price', 'name'],
};

function problemOf(query: string): string {
  const result = parseListQuery(query, rules);
  assert.ok(!result.ok, query);
  assert.equal(result.problem.status, 400);
  return `${result.problem.field}: ${result.problem.detail}`;
}

describe('parseListQuery', () => {
  test('reads pages, filters and order', () => {
    assert.deepEqual(parseListQuery('', rules), {
      ok: true,
      query: { limit: 20, offset: 0, after: undefined, filters: {}, sort: [] },
    });
    assert.deepEqual(parseListQuery('limit=50&offset=100&city=Fort+Worth&price=-1.5&term=24&sort=-price,name', rules), {
      ok: true,
      query: {
        limit: 50,
        offset: 100,
        after: undefined,
        filters: { city: 'Fort Worth', price: -1.5, term: '24' },
        sort: [
          { field: 'price', descending: true },
          { field: 'name', descending: false },
        ],
      },
    });
  });

  test('a cursor comes back as it was given', () => {
    const result = parseListQuery(`cursor=${cursorAfter({ price: 12, id: 'ä' })}`, rules);
    assert.deepEqual(result.ok && result.query.after, { price: 12, id: 'ä' });
  });

  test('refuses what is wrong, and names it', () => {
    assert.match(problemOf('limit=0'), /^limit: .*from 1 to 50/);
    assert.match(problemOf('limit=51'), /^limit/);
    assert.match(problemOf('limit=1e1'), /^limit/);
    assert.match(problemOf('offset=-1'), /^offset/);
    assert.match(problemOf('offset=999999'), /^offset/);
    assert.match(problemOf('cursor=%7B'), /^cursor/);
    assert.match(problemOf('cursor=e30&offset=1'), /^cursor/);
    assert.match(problemOf('price=cheap'), /^price: .*a number/);
    assert.match(problemOf('term=13'), /^term: .*one of 12, 24/);
    assert.match(problemOf('sort=secret'), /^sort/);
    assert.match(problemOf('sort=price,price'), /^sort/);
    assert.match(problemOf('limit=1&limit=2'), /more than once/);
    assert.match(problemOf('limt=1'), /^limt: .*did you mean 'limit'/);
  });

  test('never throws, whatever is asked', () => {
    assertProperty(property(string(), (query) => void parseListQuery(query, rules)));
  });
});
