/** Whatever a user writes, the answer is a policy or a list of problems. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { ConfigError } from '../kernel/index.ts';
import { createPolicy, createSourceLines, type SpillwayConfig } from './index.ts';

const SAMPLE = {
  listen: { port: 8080, host: '127.0.0.1', requestTimeout: '30s' },
  admin: { port: 9901 },
  upstreams: {
    site: { endpoints: ['http://127.0.0.1:3001', { url: 'http://127.0.0.1:3002', weight: 2 }], retries: { attempts: 1 } },
  },
  classes: { critical: { revalidate: '15m', slo: { p95: '1s' } }, news: { grace: '1h' } },
  routes: {
    '/plans/:city': { class: 'critical', upstream: 'site', tags: ['city::city'], query: ['a'] },
    '/api/**': { class: 'news', cache: false, limit: [{ limit: 10, window: '1m', by: 'ip' }] },
  },
  trustedProxies: ['10.0.0.0/8'],
  workers: { min: 1, max: 2 },
};

/** Every place in a value, as the keys that lead there. */
function placesIn(value: unknown, path: string[] = []): string[][] {
  if (typeof value !== 'object' || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([key, child]) => placesIn(child, [...path, key]))];
}

function replaced(value: unknown, path: readonly string[], by: unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return by;
  const copy: Record<string, unknown> | unknown[] = Array.isArray(value) ? [...value] : { ...(value as object) };
  (copy as Record<string, unknown>)[key] = replaced((value as Record<string, unknown>)[key], rest, by);
  return copy;
}

const anything = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  fc.constantFrom<unknown>(
    '',
    '0s',
    '15m',
    '99999d',
    -1,
    0,
    NaN,
    Infinity,
    undefined,
    [],
    {},
    () => 1,
    new Map(),
    Symbol('x'),
    10n,
    '/',
    '/**',
    '::',
    '__proto__',
  ),
);

test('a config with anything anywhere gives a policy or problems, never another failure', () => {
  const place = fc.constantFrom(...placesIn(SAMPLE));
  fc.assert(
    fc.property(fc.array(fc.tuple(place, anything), { minLength: 1, maxLength: 4 }), (changes) => {
      let config: unknown = SAMPLE;
      for (const [path, value] of changes)
        if (path.every((_, depth) => isObject(at(config, path.slice(0, depth))))) config = replaced(config, path, value);
      try {
        const policy = createPolicy(config as SpillwayConfig);
        for (const path of ['/plans/dallas', '/api/x', '/', '/nowhere/at/all']) policy.explain('GET', path);
      } catch (error) {
        assert.ok(error instanceof ConfigError, String((error as Error).stack));
        assert.ok(error.problems.length > 0);
        for (const problem of error.problems) assert.ok(problem.message.length > 0);
      }
    }),
    { numRuns: 600 },
  );
});

test('a config whose names are those of the object prototype is like any other', () => {
  const config = JSON.parse(
    '{ "upstreams": { "constructor": { "endpoints": ["http://127.0.0.1:1"] } }, "classes": { "toString": {} }, "routes": { "/constructor": { "class": "toString", "upstream": "constructor" } } }',
  ) as SpillwayConfig;
  assert.equal(createPolicy(config).match('GET', '/constructor')?.route.upstream, 'constructor');
  const unknown = { routes: { '/a': { class: 'valueOf', upstream: 'hasOwnProperty' } } };
  assert.throws(
    () => createPolicy(unknown),
    (error) => error instanceof ConfigError && error.problems.length === 2,
  );
});

/** Prints a value as a user might, and notes the line of each place. */
function printed(value: unknown): { source: string; lines: Map<string, number> } {
  const out = ['export default '];
  const lines = new Map<string, number>();
  const print = (part: unknown, path: string[], indent: string): void => {
    if (typeof part !== 'object' || part === null) return void (out[out.length - 1] += JSON.stringify(part) ?? 'undefined');
    const isList = Array.isArray(part);
    out[out.length - 1] += isList ? '[' : '{';
    for (const [key, child] of Object.entries(part)) {
      out.push(`${indent}  ${isList ? '' : `${JSON.stringify(key)}: `}`);
      lines.set(JSON.stringify([...path, key]), out.length);
      print(child, [...path, key], `${indent}  `);
      out[out.length - 1] += ', // note: { "x": [';
    }
    out.push(`${indent}${isList ? ']' : '}'}`);
  };
  print(value, [], '');
  return { source: out.join('\n'), lines };
}

test('the line of every value is found, whatever the values are', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 }), { noNullPrototype: true }), (value) => {
      const { source, lines } = printed(value);
      const found = createSourceLines(source);
      for (const [path, line] of lines) assert.equal(found.lineOf(JSON.parse(path) as string[]), line, `${path}\n${source}`);
    }),
    { numRuns: 500 },
  );
});

test('no text makes the reader of lines fail or hang', () => {
  const piece = fc.constantFrom(
    '{',
    '}',
    '[',
    ']',
    '(',
    ')',
    ',',
    ':',
    '=',
    '...',
    "'",
    '"',
    '`',
    '//',
    '/*',
    '*/',
    '\n',
    'a',
    'const',
    'export default',
    'as',
    '${',
    '\\',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
      createSourceLines(pieces.join(' ')).lineOf(['a', 'a', 0]);
    }),
    { numRuns: 2000 },
  );
});

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}

function at(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((owner, key) => (owner as Record<string, unknown> | undefined)?.[key], value);
}
