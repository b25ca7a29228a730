import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { Matcher } from './matcher.ts';
import { parsePattern, type Pattern } from './pattern.ts';

function matcherOf(...patterns: string[]): Matcher<string> {
  const matcher = new Matcher<string>();
  for (const text of patterns) matcher.add(parsePattern(text) as Pattern, text);
  return matcher;
}

test('the most specific pattern wins, segment by segment from the left', () => {
  const matcher = matcherOf(
    '/**',
    '/plans/:city',
    '/plans/dallas',
    '/plans/:city/:filters',
    '/plans/*/map',
    '/plans/dallas/**',
    '/',
  );
  const cases: [path: string, pattern: string][] = [
    ['/', '/'],
    ['/plans', '/**'],
    ['/plans/dallas', '/plans/dallas'],
    ['/plans/austin', '/plans/:city'],
    ['/plans/austin/green', '/plans/:city/:filters'],
    ['/plans/austin/map', '/plans/*/map'],
    ['/plans/dallas/green', '/plans/dallas/**'],
    ['/plans/dallas/map', '/plans/dallas/**'],
    ['/plans/austin/green/more', '/**'],
  ];
  for (const [path, pattern] of cases) assert.equal(matcher.find('GET', path)?.route, pattern, path);
});

test('a literal that leads nowhere gives way to a parameter', () => {
  const matcher = matcherOf('/a/b/c', '/a/:x/d', '/:y/b/:z');
  assert.equal(matcher.find('GET', '/a/b/d')?.route, '/a/:x/d');
  assert.deepEqual(matcher.find('GET', '/a/b/e'), { route: '/:y/b/:z', params: { y: 'a', z: 'e' } });
  assert.equal(matcher.find('GET', '/a/c/e'), undefined);
});

test(`'**' takes none or more segments, '*' and ':name' exactly one that is not empty`, () => {
  const matcher = matcherOf('/api/**', '/file/*', '/city/:city');
  for (const path of ['/api', '/api/', '/api/a', '/api/a/b/']) assert.equal(matcher.find('GET', path)?.route, '/api/**', path);
  for (const path of ['/file', '/file/', '/file//', '/city/', '/apix']) assert.equal(matcher.find('GET', path), undefined, path);
  assert.deepEqual(matcher.find('GET', '/file/x'), { route: '/file/*', params: {} });
});

test('a trailing slash makes no difference', () => {
  const matcher = matcherOf('/about', '/city/:city/');
  assert.equal(matcher.find('GET', '/about/')?.route, '/about');
  assert.deepEqual(matcher.find('GET', '/city/waco')?.params, { city: 'waco' });
  assert.deepEqual(matcher.find('GET', '/city/waco/')?.params, { city: 'waco' });
});

test('parameters are decoded once, and left as they are when they cannot be', () => {
  const matcher = matcherOf('/:a/:b', '/café/x');
  assert.deepEqual(matcher.find('GET', '/San%20Marcos/%2541')?.params, { a: 'San Marcos', b: '%41' });
  assert.deepEqual(matcher.find('GET', '/%E0%A4/%')?.params, { a: '%E0%A4', b: '%' });
  assert.equal(matcher.find('GET', '/caf%C3%A9/x')?.route, '/café/x');
});

test('a pattern with a method goes before one for all, and HEAD finds what GET finds', () => {
  const matcher = matcherOf('/login', 'POST /login', 'GET /only', 'HEAD /both', 'GET /both');
  assert.equal(matcher.find('POST', '/login')?.route, 'POST /login');
  assert.equal(matcher.find('GET', '/login')?.route, '/login');
  assert.equal(matcher.find('HEAD', '/only')?.route, 'GET /only');
  assert.equal(matcher.find('HEAD', '/both')?.route, 'HEAD /both');
  assert.equal(matcher.find('POST', '/only'), undefined);
});

test('a method that does not fit falls through to a less specific pattern', () => {
  const matcher = matcherOf('POST /a/b', '/a/:x', '/**');
  assert.equal(matcher.find('GET', '/a/b')?.route, '/a/:x');
});

test('captures of an abandoned branch do not leak into the result', () => {
  const matcher = matcherOf('/:a/:b/x', '/:a/**', '/q/:c/y');
  assert.deepEqual(matcher.find('GET', '/q/2/z'), { route: '/:a/**', params: { a: 'q' } });
  assert.deepEqual(matcher.find('GET', '/q/2/x'), { route: '/:a/:b/x', params: { a: 'q', b: '2' } });
});

test('names from the object prototype are names like others', () => {
  const matcher = matcherOf('/constructor', '/:x/toString');
  assert.equal(matcher.find('GET', '/constructor')?.route, '/constructor');
  assert.equal(matcher.find('GET', '/__proto__'), undefined);
  assert.equal(matcher.find('valueOf', '/constructor')?.route, '/constructor');
});

/** What the tree must agree with: every pattern tried by itself, then ranked. */
function slowFind(patterns: readonly Pattern[], path: string): string | undefined {
  const parts = path === '/' ? [] : path.slice(1).split('/');
  const rank = (pattern: Pattern): string | undefined => {
    const segments = pattern.segments.filter((segment) => segment.kind !== 'literal' || segment.text !== '');
    const hasRest = segments.at(-1)?.kind === 'rest';
    const fixed = hasRest ? segments.slice(0, -1) : segments;
    if (hasRest ? parts.length < fixed.length : parts.length !== fixed.length) return undefined;
    if (!fixed.every((segment, at) => segment.kind !== 'literal' || segment.text === parts[at])) return undefined;
    return fixed.map((segment) => (segment.kind === 'literal' ? '0' : '1')).join('') + (hasRest ? '2' : '');
  };
  const ranked = patterns.map((pattern) => ({ pattern, rank: rank(pattern) })).filter((one) => one.rank !== undefined);
  return ranked.toSorted((a, b) => (a.rank! < b.rank! ? -1 : 1))[0]?.pattern.text;
}

test('agrees with trying every pattern by itself', () => {
  const word = fc.constantFrom('a', 'b', 'c');
  const segment = fc.oneof(word, fc.constant(':'));
  const pattern = fc.tuple(fc.array(segment, { maxLength: 4 }), fc.boolean()).map(([parts, rest]) => {
    const named = parts.map((part, at) => (part === ':' ? `:p${at}` : part));
    return `/${[...named, ...(rest ? ['**'] : [])].join('/')}`;
  });
  fc.assert(
    fc.property(fc.uniqueArray(pattern, { minLength: 1, maxLength: 12 }), fc.array(word, { maxLength: 5 }), (texts, parts) => {
      const path = `/${parts.join('/')}`;
      const patterns = texts.map((text) => parsePattern(text) as Pattern);
      assert.equal(matcherOf(...texts).find('GET', path)?.route, slowFind(patterns, path));
    }),
    { numRuns: 500 },
  );
});
