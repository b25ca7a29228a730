import assert from 'node:assert/strict';
import { test } from 'node:test';
import { routePolicy } from '../../test/http/rig/page-server.ts';
import { ScriptedUpstream } from '../../test/http/rig/scripted-upstream.ts';
import { PageBook } from './page-book.ts';

const route = routePolicy();
const upstream = new ScriptedUpstream(() => ({}));

function known(key: string, tags: readonly string[], generatedMs = 0) {
  const address = { scheme: 'http', authority: 'site.test', path: `/${key.slice(0, 1)}`, query: '' };
  return { key, primary: key, route, policy: route.cache!, address, tags, requestFields: [], upstream, generatedMs };
}

test('finds pages by path and by tag, also after they changed', () => {
  const book = new PageBook(10);
  book.note(known('a1', ['x']), 0);
  book.note(known('a2', ['x', 'y']), 0);
  book.note(known('a1', ['y']), 0);
  assert.deepEqual(
    book.ofPath('/a').map(({ key }) => key),
    ['a2', 'a1'],
  );
  assert.deepEqual(
    book.ofTag('x').map(({ key }) => key),
    ['a2'],
  );
  assert.deepEqual(
    book.ofTag('y').map(({ key }) => key),
    ['a2', 'a1'],
  );
});

test('forgets the longest unheard of, everywhere', () => {
  const book = new PageBook(3);
  for (const key of ['a', 'b', 'c']) book.note(known(key, [key]), 0);
  book.note(known('a', ['a']), 0);
  book.note(known('d', ['d']), 0);
  assert.equal(book.size, 3);
  assert.deepEqual(book.ofTag('b'), []);
  assert.deepEqual(book.ofPath('/b'), []);
  assert.equal(book.ofTag('a').length, 1);
});

test('traffic goes on from one making to the next', () => {
  const book = new PageBook(3);
  const first = book.note(known('a', [], 0), 0);
  first.traffic.hits = 100;
  assert.equal(first.traffic.perHour(3_600_000), 100);
  const second = book.note(known('a', [], 3_600_000), 3_600_000);
  assert.equal(second.traffic, first.traffic);
  assert.equal(second.traffic.hits, 0);
  assert.equal(second.traffic.perHour(3_600_000), 100);
});

test('ten thousand known pages cost less than 50 MB', () => {
  globalThis.gc?.();
  const before = process.memoryUsage().heapUsed;
  const book = new PageBook(10_000);
  for (let nth = 0; nth < 10_000; nth++) book.note(known(`${nth}-${'k'.repeat(60)}`, [`city:${nth}`, 'plans']), 0);
  assert.ok(process.memoryUsage().heapUsed - before < 50 * 1024 * 1024);
  assert.equal(book.size, 10_000);
});
