import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigError } from '../kernel/index.ts';
import { createPolicy, createSourceLines, type PolicyOptions, type SpillwayConfig } from './index.ts';

const site = { endpoints: ['http://127.0.0.1:3001'] };

function problemsOf(config: unknown, options?: PolicyOptions): string[] {
  try {
    createPolicy(config as SpillwayConfig, options);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.problems.map((problem) => `${problem.path}: ${problem.message}${problem.fix ? ` (${problem.fix})` : ''}`);
  }
  return [];
}

test('the built-in classes carry the documented defaults', () => {
  const { classes } = createPolicy({});
  const minutes = (name: string): (number | undefined)[] => {
    const { cache } = classes[name]!;
    return [cache?.memoryTtlMs, cache?.storeTtlMs, cache?.revalidateMs].map((ms) => ms! / 60_000);
  };
  assert.deepEqual(minutes('critical'), [5, 120, 15]);
  assert.deepEqual(minutes('high'), [3, 60, 30]);
  assert.deepEqual(minutes('normal'), [1, 30, 30]);
  assert.deepEqual(minutes('low'), [1, 15, 120]);
  assert.equal(classes['critical']!.sloP95Ms, 1000);
  assert.equal(classes['critical']!.cache?.forceAfterMs, 24 * 3_600_000);
  assert.deepEqual(classes['critical']!.headers, {
    cacheControl: 'public, max-age=3600, s-maxage=7200',
    cdnCacheControl: 'max-age=7200',
    surrogateControl: 'max-age=7200, stale-while-revalidate=3600',
  });
  assert.equal(classes['static']!.headers.cacheControl, 'public, max-age=86400, s-maxage=604800, immutable');
});

test('a route goes before its class, and that before the built-in', () => {
  const policy = createPolicy({
    upstreams: { site },
    classes: { critical: { revalidate: '10m', grace: '1h' } },
    routes: { '/a': { class: 'critical', grace: '2h' } },
  });
  const { route } = policy.match('GET', '/a')!;
  assert.equal(route.cache?.graceMs, 2 * 3_600_000);
  assert.equal(route.cache?.revalidateMs, 600_000);
  assert.equal(route.cache?.storeTtlMs, 7_200_000);
  assert.deepEqual(route.provenance['grace'], { by: 'route', path: "routes['/a'].grace" });
  assert.deepEqual(route.provenance['revalidate'], { by: 'class', path: 'classes.critical.revalidate' });
  assert.deepEqual(route.provenance['storeTtl'], { by: 'built-in', path: 'critical.storeTtl' });
});

test('a class of a new name starts from normal', () => {
  const policy = createPolicy({
    upstreams: { site },
    classes: { news: { revalidate: '1m' } },
    routes: { '/n': { class: 'news' } },
  });
  const { route } = policy.match('GET', '/n')!;
  assert.deepEqual(
    [route.className, route.priority, route.cache?.revalidateMs, route.cache?.storeTtlMs],
    ['news', 'normal', 60_000, 1_800_000],
  );
});

test('everything in a policy is frozen', () => {
  const { config, routes, classes } = createPolicy({ upstreams: { site }, routes: { '/a': { tags: ['x'] } } });
  for (const value of [
    config,
    config.listen,
    config.upstreams['site']!.endpoints,
    routes,
    routes[0]!.tags,
    routes[0]!.cache,
    classes,
  ])
    assert.ok(Object.isFrozen(value));
});

test('provenance names file and line, and flags', () => {
  const source = `export default {\n  listen: { port: 8080 },\n  upstreams: { site: {\n    endpoints: ['http://127.0.0.1:3001'] } },\n  routes: {\n    '/a': {\n      class: 'low' } } };`;
  const config: SpillwayConfig = { listen: { port: 8080 }, upstreams: { site }, routes: { '/a': { class: 'low' } } };
  const policy = createPolicy(config, {
    file: 'f.ts',
    sourceLines: createSourceLines(source),
    flags: { port: 1, origin: 'http://h:2' },
  });
  assert.deepEqual(policy.match('GET', '/a')!.route.provenance['class'], {
    by: 'route',
    path: `routes['/a'].class`,
    file: 'f.ts',
    line: 7,
  });
  assert.deepEqual(policy.provenanceOf(['listen', 'port']), { by: 'flag', path: '--port' });
  assert.deepEqual(policy.provenanceOf(['upstreams', 'site', 'endpoints']), { by: 'flag', path: '--origin' });
  assert.deepEqual(policy.provenanceOf(['listen', 'host']), { by: 'built-in', path: 'listen.host' });
  assert.equal(policy.config.listen.port, 1);
  assert.equal(policy.config.upstreams['site']!.endpoints[0]!.url, 'http://h:2');
});

test('without routes everything is served as the origin asks', () => {
  const policy = createPolicy({}, { flags: { origin: 'http://127.0.0.1:3000' } });
  const { route } = policy.match('GET', '/any/thing')!;
  assert.deepEqual(
    [route.pattern, route.upstream, route.cache?.freshness, route.headers.cacheControl],
    ['/**', 'origin', 'origin', undefined],
  );
});

test('a problem that a flag brought is told of the flag', () => {
  const sourceLines = createSourceLines('export default {\n upstreams: { site: { endpoints: ["http://h"] } } }');
  const given = { file: 'f.ts', sourceLines, flags: { origin: 'http://me:secret@h/path' } };
  assert.deepEqual(problemsOf({ upstreams: { site } }, given), [
    `--origin: "http://me:***@h/path" is not an address such as 'http://127.0.0.1:3001', with nothing but scheme, host and port (write 'http://h')`,
  ]);
  assert.deepEqual(problemsOf({ upstreams: { a: site, b: site } }, given), [
    '--origin: the config has several upstreams (change the endpoints in the config, or leave --origin out)',
  ]);
});

test('the only upstream need not be named, and its timeout stands between class and built-in', () => {
  const policy = createPolicy({
    upstreams: { site: { ...site, timeout: '3s' } },
    classes: { low: { timeout: '1s' } },
    routes: { '/a': {}, '/b': { class: 'low' } },
  });
  assert.deepEqual(
    policy.routes.map((route) => [route.upstream, route.timeoutMs]),
    [
      ['site', 3000],
      ['site', 1000],
    ],
  );
});

test('in a library nobody needs an upstream', () => {
  const { route } = createPolicy({ routes: { '/a': {} } }).match('GET', '/a')!;
  assert.deepEqual([route.upstream, route.timeoutMs], [undefined, 30_000]);
});

test('nothing is stored and no header added where the cache is off', () => {
  const { route } = createPolicy({ routes: { '/a': { cache: false } } }).match('GET', '/a')!;
  assert.equal(route.cache, undefined);
  assert.equal(route.headers.cacheControl, undefined);
});

test('tags are expanded with the values of the path', () => {
  const policy = createPolicy({ routes: { '/plans/:city': { tags: ['city::city', 'plans'] } } });
  assert.deepEqual(policy.tagsFor(policy.match('GET', '/plans/san%20marcos')!), ['city:san%20marcos', 'plans']);
});

test('every problem is told at once, those of shape and those between sections', () => {
  const problems = problemsOf({
    listen: { prot: 1, port: 80_000 },
    admin: { host: '0.0.0.0' },
    upstreams: { site: { endpoints: [{ url: 'http://a', wieght: 2 }], strategy: 'least' } },
    routes: { '/a': { class: 'critcal', revalidate: 900 }, '/b': { upstream: 'stie' } },
  });
  assert.deepEqual(problems, [
    'listen.port: 80000 is too large; at most 65535',
    `listen.prot: unknown option 'prot' (did you mean 'port'?)`,
    `upstreams.site.endpoints[0].wieght: unknown option 'wieght' (did you mean 'weight'?)`,
    `upstreams.site.strategy: "least" is not one of "roundRobin", "weighted", "leastConnections", "responseTime", "ipHash", "consistentHash", "adaptive"`,
    `routes['/a'].revalidate: 900 is not a duration such as '250ms', '30s' or '15m', from 1s to 365d (a number has no unit: write '900ms' or '900s')`,
    `admin.host: '0.0.0.0' is reached from the network, and there is no token (set \`admin.token\`, or listen on 127.0.0.1)`,
    `routes['/a'].class: there is no class 'critcal' (did you mean 'critical'?)`,
    `routes['/b'].upstream: there is no upstream 'stie' (did you mean 'site'?)`,
  ]);
});

test('values that contradict one another are refused', () => {
  const cases: [config: SpillwayConfig, problem: RegExp][] = [
    [{ listen: { port: 9901 } }, /^admin.port: 9901 is the port of the site too/],
    [{ listen: { port: 1, host: 'localhost' }, admin: { port: 1 } }, /^admin.port: 1 is the port of the site too/],
    [{ listen: { headersTimeout: '2m' } }, /^listen.headersTimeout: is longer than requestTimeout \(1m\)/],
    [{ workers: { min: 4, max: 2 } }, /^workers: min \(4\) is more than max \(2\)/],
    [{ trustedProxies: ['10.0.0.0/40'] }, /^trustedProxies\[0\]: '10.0.0.0\/40' is neither/],
    [{ classes: { low: { revalidate: '3d', forceAfter: '7d' } } }, /^classes.low.revalidate: answers would be gone/],
    [{ classes: { low: { memoryTtl: '1h' } } }, /^classes.low.memoryTtl: a process would keep answers/],
    [{ routes: { '/a': { forceAfter: '1m' } } }, /^routes\['\/a'\].forceAfter: forceAfter \(1m\) comes before/],
    [{ routes: { '/a': { cache: false, grace: '1h' } } }, /^routes\['\/a'\].grace: has no effect/],
    [{ routes: { '/a': { limit: [{ limit: 1, window: '1m', burst: 2 }] } } }, /burst: 'sliding' knows no burst/],
    [{ routes: { '/a/:x': {}, '/a/:y/': {} } }, /^routes\['\/a\/:y\/'\]: matches the same paths as '\/a\/:x'/],
    [{ routes: { a: {} } }, /^routes.a: a pattern starts with/],
    [
      { routes: { '/:city': { tags: ['c::ciyt'] } } },
      /tags\[0\]: the pattern has no parameter ':ciyt' \(did you mean 'city'\?\)/,
    ],
    [
      { routes: { '/:city': { tags: ['city:city'] } } },
      /':city' is text in 'city:city', not the parameter \(write 'city::city'\)/,
    ],
    [{ upstreams: { a: site, b: site }, routes: { '/a': {} } }, /^routes\['\/a'\]: names no upstream, and there are several/],
    [{ caches: { c: { class: 'hgih' } } }, /^caches.c.class: there is no class 'hgih' \(did you mean 'high'\?\)/],
    [{ caches: { c: { rules: { 'a:': { class: 'no' } } } } }, /^caches.c.rules\['a:'\].class: there is no class 'no'/],
    [
      { classes: { live: { cache: false } }, caches: { c: { class: 'live' } } },
      /^caches.c.class: 'live' has no times: its `cache` is false/,
    ],
    [{ caches: { pages: {} } }, /^caches.pages: is the name of the cache of stored pages/],
    [{ routes: { '/a': { upstream: 'x' } } }, /there is no upstream 'x' \(declare it under `upstreams`\)/],
  ];
  for (const [config, problem] of cases) {
    const problems = problemsOf(config);
    assert.equal(problems.length, 1, problems.join('\n'));
    assert.match(problems[0]!, problem);
  }
});

test('one port on two addresses is no clash', () => {
  assert.deepEqual(problemsOf({ listen: { port: 1, host: '10.0.0.5' }, admin: { port: 1 } }), []);
  assert.deepEqual(problemsOf({ listen: { port: 0 }, admin: { port: 0 } }), []);
});

test('a class with a wrong value is still a class', () => {
  assert.deepEqual(problemsOf({ classes: { news: { grace: 'long' } }, routes: { '/a': { class: 'news' } } }), [
    `classes.news.grace: "long" is not a duration such as '250ms', '30s' or '15m', from 0 to 365d`,
  ]);
});

test('a config that is none is refused in a sentence', () => {
  for (const config of [undefined, null, 3, 'x', []]) assert.equal(problemsOf(config).length, 1, String(config));
});

test('explain shows each layer in the order a request meets it, and what others add', () => {
  const policy = createPolicy({
    upstreams: { site },
    routes: { '/a/:x': { class: 'api', limit: [{ limit: 5, window: '1m' }], tags: ['t::x'] } },
  });
  const explanation = policy.explain('get', 'https://example.com/a/1?q=2', [
    ({ route }, { path }) => ({ layer: 'extra', title: 'more', lines: [{ name: 'seen', value: `${route.pattern} ${path}` }] }),
    () => undefined,
  ]);
  assert.deepEqual([explanation.method, explanation.path, explanation.query, explanation.route], ['GET', '/a/1', 'q=2', '/a/:x']);
  assert.deepEqual(
    explanation.sections.map((section) => section.layer),
    ['policy', 'limit', 'page', 'page', 'shed', 'balance', 'cdn', 'extra'],
  );
  assert.deepEqual(explanation.sections.at(-1)!.lines, [{ name: 'seen', value: '/a/:x /a/1' }]);
  assert.equal(explanation.sections[1]!.lines[0]!.value, '5 in 1m per address');
});

test('explain does not say that a page is gone before it is made anew', () => {
  const policy = createPolicy({ upstreams: { site }, routes: { '/a': { class: 'low' }, '/b': { class: 'high' } } });
  const storeTimeOf = (path: string): string =>
    policy
      .explain('GET', path)
      .sections.flatMap(({ lines }) => lines)
      .find(({ name }) => name === 'storeTtl')!.value;
  assert.equal(storeTimeOf('/a'), '15m in the shared store; a page stays until it is made anew');
  assert.equal(storeTimeOf('/b'), '1h in the shared store');
});

test('explain says when nothing matches', () => {
  const explanation = createPolicy({ routes: { '/plans': {} } }).explain('GET', '/plan');
  assert.equal(explanation.route, undefined);
  assert.equal(explanation.hint, `the nearest pattern is '/plans'`);
});
