import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createSourceLines } from './source-lines.ts';

const SAMPLE = `// spillway.config.ts
import { defineConfig } from 'spillway';

const site = {
  endpoints: ['http://127.0.0.1:3001'],
  strategy: 'leastConnections',
};
const limit = [{ limit: 1, window: '1m' }] as const;

export default defineConfig({
  listen: { port: 8080 }, // routes: { '/x': {} }
  upstreams: { site },
  redis: process.env.REDIS_URL, database: cond ? { a: 1 } : undefined,
  classes: {
    /* critical: {} */
    critical: { revalidate: '15m', slo: { p95: '1s' } },
  },
  routes: {
    '/a/:city': {
      class: 'critical',
      tags: [
        'city::city',
        \`plans\`,
      ],
    },
    ["/b"]: { limit },
    '/it\\'s': { class: 'low', plan() { return { class: 1 }; } },
    ...{ '/spread': { class: 'high' } },
  },
} satisfies object);
`;

function lineOf(source: string, ...path: (string | number)[]): number | undefined {
  return createSourceLines(source).lineOf(path);
}

test('finds the line of each value', () => {
  const cases: [path: (string | number)[], text: string][] = [
    [['listen', 'port'], 'listen: { port: 8080 }'],
    [['classes', 'critical', 'revalidate'], 'critical: { revalidate'],
    [['classes', 'critical', 'slo', 'p95'], 'critical: { revalidate'],
    [['routes', '/a/:city'], "'/a/:city': {"],
    [['routes', '/a/:city', 'class'], "class: 'critical'"],
    [['routes', '/a/:city', 'tags', 0], "'city::city'"],
    [['routes', '/a/:city', 'tags', 1], '`plans`'],
    [['routes', "/it's", 'class'], "'/it\\'s'"],
    [['routes', '/spread', 'class'], '/spread'],
    [['database'], 'database: cond'],
  ];
  const lines = createSourceLines(SAMPLE);
  for (const [path, text] of cases) {
    const line = lines.lineOf(path);
    assert.ok(line !== undefined && lines.textOf(line).includes(text), `${path.join('.')} → ${line}`);
  }
});

test('follows constants of the same file', () => {
  assert.equal(lineOf(SAMPLE, 'upstreams', 'site', 'strategy'), 6);
  assert.equal(lineOf(SAMPLE, 'upstreams', 'site', 'endpoints', 0), 5);
});

test('what is not there has the line of what encloses it', () => {
  assert.equal(lineOf(SAMPLE, 'classes', 'critical', 'grace'), 16);
  assert.equal(lineOf(SAMPLE, 'routes', '/nowhere'), 18);
  assert.equal(lineOf(SAMPLE), 10);
});

test('reads the other ways to export', () => {
  assert.equal(lineOf('{\n "listen": {\n  "port": 1 } }', 'listen', 'port'), 3);
  assert.equal(lineOf('const c: Config = {\n a: 1 };\nexport default c;', 'a'), 2);
  assert.equal(lineOf('const c = defineConfig({\n a: 1 })\nexport { c as x }\nexport default c', 'a'), 2);
  assert.equal(lineOf('module.exports = {\n\n a: 1 }', 'a'), 3);
  assert.equal(lineOf('export default {\r\n a: 1,\r\n b: 2 }', 'b'), 3);
});

test('does not fail or hang on what it cannot read', () => {
  for (const source of [
    '',
    'export default',
    'export default {',
    'export default [)',
    '{[}',
    `export default { a: '`,
    'const',
    '`',
  ])
    assert.doesNotThrow(() => lineOf(source, 'a', 'b'), source);
  assert.equal(lineOf('export default makeConfig();', 'a'), undefined);
});
