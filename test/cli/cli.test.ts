import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, test } from 'node:test';
import { runtimeFrom, SimulatedClock, SpillwayError } from '../../src/kernel/index.ts';
import type { StartSpillway } from '../../src/cli/start-spillway.ts';
import { eventually, freePort } from '../servers/index.ts';
import { runInProcess } from './run-cli.ts';
import { serve } from './site.ts';

const folders: string[] = [];
after(() => folders.forEach((folder) => rmSync(folder, { recursive: true })));

/** A folder with these files, as the place where a user stands. */
function project(files: Record<string, string> = {}): string {
  const folder = mkdtempSync(join(tmpdir(), 'spillway-cli-'));
  folders.push(folder);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

/** A plan of `count` pages with the members that commands use. */
function planSource(count: number): string {
  return `
const rows = async function* () { for (let i = 0; i < ${count}; i++) yield { path: '/p/' + i, priority: 'normal' }; };
export default {
  [Symbol.asyncIterator]: rows,
  rows,
  json: async function* () { yield '[]'; },
  warmList: async ({ limit }) => Array.from({ length: Math.min(limit, ${count}) }, (_, i) => ({ path: '/p/' + i })),
  sitemap: async function* ({ baseUrl }) { yield { name: 'sitemap.xml', text: (async function* () { yield '<urlset>' + baseUrl + '</urlset>'; })() }; },
};`;
}

test('every command has help with examples', async () => {
  const { stdout } = await runInProcess(['--help']);
  const names = [...stdout.matchAll(/^ {2}(\w+) .*/gm)].map((match) => match[1]!).filter((name) => name !== 'help');
  assert.ok(names.length >= 6, stdout);
  for (const name of names) {
    const { code, stdout: help } = await runInProcess([name, '--help']);
    assert.equal(code, 0);
    assert.match(help, /Usage: spillway/);
    assert.match(help, new RegExp(`Examples:\\n  \\$ spillway ${name}`));
  }
});

test('a wrong command line is told with the near name, and ends with 2', async () => {
  const cases: [args: string[], message: RegExp][] = [
    [['strat'], /unknown command 'strat'\n\(Did you mean start\?\)/],
    [['start', '--prot', '1'], /unknown option '--prot'\n\(Did you mean --port\?\)/],
    [['start', '--port', '80000'], /whole number from 0 to 65535/],
    [['start', '--workers', 'many'], /whole number from 1 to 256/],
    [['start', '--origin', 'localhost'], /An address such as/],
    [['explain', 'GET'], /missing required argument 'url'/],
    [['routes', '--format', 'yaml'], /Allowed choices are table, json, sitemap, paths/],
    [['purge'], /--tag, --path or --all/],
  ];
  for (const [args, message] of cases) {
    const { code, stdout, stderr } = await runInProcess(args, { cwd: project() });
    assert.equal(code, 2, stderr);
    assert.equal(stdout, '');
    assert.match(stderr, message);
  }
});

test('start serves by config and flags, and stops when asked to', async () => {
  const stop = new AbortController();
  const seen: unknown[] = [];
  const startSpillway: StartSpillway = async (policy, { configPath, flags }) => {
    seen.push(policy.config.listen.port, policy.config.workers, configPath, flags);
    queueMicrotask(() => stop.abort());
    return { siteUrl: 'http://127.0.0.1:1', adminUrl: 'http://127.0.0.1:2', stop: async () => void seen.push('stopped') };
  };
  const cwd = project({ 'spillway.config.mjs': 'export default { listen: { port: 5 } }' });
  const { code, stdout, stderr } = await runInProcess(['start', '-w', '2'], { cwd, startSpillway, stop: stop.signal });
  assert.deepEqual(seen, [5, { min: 2, max: 2 }, join(cwd, 'spillway.config.mjs'), { workers: 2 }, 'stopped']);
  assert.equal(code, 0);
  assert.match(
    stdout,
    /Spillway serves by spillway.config.mjs\n {4}site {3}http:\/\/127.0.0.1:1 {3}this machine only.*\n {4}admin {2}http:\/\/127.0.0.1:2\n/,
  );
  assert.equal(stderr, 'Stopping: running requests may finish.\n');
});

test('start says what to do about a port that is taken', async () => {
  const startSpillway: StartSpillway = () => Promise.reject(Object.assign(new Error('x'), { code: 'EADDRINUSE', port: 8080 }));
  const { code, stderr } = await runInProcess(['start', '--origin', 'http://127.0.0.1:1'], { cwd: project(), startSpillway });
  assert.equal(code, 73);
  assert.equal(stderr, '✗ Port 8080 is taken. Stop what listens there, or choose another with --port or --admin-port.\n');
});

test('only a defect shows a stack', async () => {
  const run = (error: Error) =>
    runInProcess(['start', '--origin', 'http://127.0.0.1:1'], { cwd: project(), startSpillway: () => Promise.reject(error) });
  const defect = await run(new TypeError('x is undefined'));
  assert.equal(defect.code, 70);
  assert.match(defect.stderr, /a defect in Spillway.*\nTypeError: x is undefined\n +at /);
  const fault = await run(new SpillwayError('SPILLWAY_TIMEOUT', 'Redis took too long.'));
  assert.deepEqual([fault.code, fault.stderr], [69, '✗ Redis took too long.\n']);
});

test('explain as JSON holds the provenance', async () => {
  const cwd = project({ 'spillway.config.json': '{\n"routes": {\n"/a/:x": { "class": "low", "tags": ["t::x"] } } }' });
  const { stdout } = await runInProcess(['explain', 'get', '/a/1', '--json'], { cwd });
  const { method, route, sections } = JSON.parse(stdout) as { method: string; route: string; sections: { lines: object[] }[] };
  assert.deepEqual([method, route], ['GET', '/a/:x']);
  assert.deepEqual(sections[0]!.lines[2], {
    name: 'class',
    value: 'low',
    provenance: { by: 'route', path: `routes['/a/:x'].class`, file: 'spillway.config.json', line: 3 },
  });
});

test('explain sees a path as the gateway does', async () => {
  const cwd = project({ 'spillway.config.json': '{ "routes": { "/a/:x": {} } }' });
  const explain = async (url: string) => runInProcess(['explain', 'GET', url, '--json'], { cwd });
  const { path, sections } = JSON.parse((await explain('/b/../%61/x%2fy?q=1')).stdout) as {
    path: string;
    sections: { lines: object[] }[];
  };
  assert.equal(path, '/a/x%2Fy');
  assert.deepEqual(sections[0]!.lines[1], { name: ':x', value: 'x/y' });
  const refused = await explain('/a%');
  assert.deepEqual(
    [refused.code, refused.stderr],
    [2, '✗ The gateway refuses such a request with 400: the path holds a % that escapes nothing.\n'],
  );
});

test('routes prints the plan in each format', async () => {
  const cwd = project({ 'plan.mjs': planSource(3), 'spillway.config.mjs': `export default { routePlan: './plan.mjs' }` });
  const print = async (...args: string[]) => (await runInProcess(['routes', ...args], { cwd })).stdout;
  assert.equal(await print('--limit', '2'), 'path  priority\n/p/0  normal\n/p/1  normal\n');
  assert.equal(await print('--format', 'paths'), '/p/0\n/p/1\n/p/2\n');
  assert.equal(await print('--format', 'json'), '[]');
  assert.equal(await print('--format', 'json', '--limit', '1'), '[\n{"path":"/p/0","priority":"normal"}\n]\n');
});

test('routes writes a sitemap to stdout where it is one file, and to a folder where it is not', async () => {
  const sitemap = (urls: number) => `
import { planRoutes } from 'spillway/routes';
const plan = planRoutes({ basePath: '/p', cities: ['Waco', 'Austin'], filters: {}, maxRoutesPerCity: { 1: 1, 2: 1, 3: 1 } });
plan.sitemap = ((whole) => (options) => whole.call(plan, { ...options, maxUrls: ${urls} }))(plan.sitemap);
export default { routePlan: () => plan };`;
  // Inside the repository, so that the config finds the package.
  const cwd = mkdtempSync(join(import.meta.dirname, '.work-'));
  folders.push(cwd);
  writeFileSync(join(cwd, 'one.mjs'), sitemap(2));
  writeFileSync(join(cwd, 'two.mjs'), sitemap(1));
  const run = (...args: string[]) => runInProcess(['routes', '--format', 'sitemap', '--site', 'https://e.com', ...args], { cwd });
  const one = await run('-c', 'one.mjs');
  assert.match(one.stdout, /^<\?xml [^]*<loc>https:\/\/e\.com\/p\/austin<\/loc>[^]*<\/urlset>\n?$/);
  const two = await run('-c', 'two.mjs');
  assert.deepEqual(
    [two.code, two.stderr],
    [2, '✗ The sitemap has several files: say where to write them with --out <folder>.\n'],
  );
  const written = await run('-c', 'two.mjs', '--out', 'public');
  assert.equal(written.stdout, `✓ 3 files in ${join(cwd, 'public')}\n`);
  assert.match(readFileSync(join(cwd, 'public/sitemap.xml'), 'utf8'), /sitemap-2\.xml/);
  assert.equal((await runInProcess(['routes', '--out', 'x'], { cwd })).code, 2);
});

test('routes takes a plan from a function, and refuses what is none', async () => {
  const run = (routePlan: string) =>
    runInProcess(['routes', '--format', 'paths'], {
      cwd: project({ 'plan.mjs': planSource(1), 'spillway.config.mjs': `\nexport default { routePlan: ${routePlan} }` }),
    });
  assert.equal((await run(`async () => (await import('./plan.mjs')).default`)).stdout, '/p/0\n');
  const cases: [plan: string, message: RegExp][] = [
    [`'./nowhere.mjs'`, /gave no plan: Cannot find module/],
    [`() => { throw new Error('no cities') }`, /gave no plan: no cities/],
    ['() => 3', /gave something that is no plan/],
    ['undefined', /has no routePlan/],
  ];
  for (const [plan, message] of cases) {
    const { code, stderr } = await run(plan);
    assert.equal(code, 78);
    assert.match(stderr, message);
  }
});

test('purge asks the admin listener with its token', async () => {
  const bodies: unknown[] = [];
  await using admin = await serve((request, response) => {
    let text = '';
    request.on('data', (chunk) => (text += chunk));
    request.on('end', () => {
      assert.equal(request.headers['spillway-admin'], '1');
      bodies.push([request.method, request.url, request.headers.authorization, JSON.parse(text)]);
      response.end('{"receipt":1}');
    });
  });
  const cwd = project({ 'spillway.config.json': JSON.stringify({ admin: { port: admin.port, token: 'from-the-config-file' } }) });
  const { stdout } = await runInProcess(['purge', '--tag', 'a', '-t', 'b', '--path', '/x', '--soft'], { cwd, fetch });
  assert.equal(stdout, '✓ Marked stale: tag a, tag b, /x\n');
  const flags = ['--admin', admin.url, '--token', 'given'];
  assert.equal(
    (await runInProcess(['purge', '--all', '--json', ...flags], { cwd: project(), fetch })).stdout,
    '{\n  "receipt": 1\n}\n',
  );
  assert.deepEqual(bodies, [
    ['POST', '/purge', 'Bearer from-the-config-file', { tags: ['a', 'b'], paths: ['/x'], all: false, soft: true }],
    ['POST', '/purge', 'Bearer given', { tags: [], paths: [], all: true, soft: false }],
  ]);
});

test('purge tells a refused token, a failure and an absent listener apart', async () => {
  let status = 401;
  await using admin = await serve((_, response) => {
    response.statusCode = status;
    response.end('{"title":"Bad","detail":"the store is away"}');
  });
  const run = (url: string, env = {}) => runInProcess(['purge', '--all', '--admin', url], { cwd: project(), fetch, env });
  assert.deepEqual(await run(admin.url), {
    code: 77,
    stdout: '',
    stderr: `✗ ${admin.url} wants a token. Pass --token, or set SPILLWAY_TOKEN.\n`,
  });
  assert.match((await run(admin.url, { SPILLWAY_TOKEN: 'x' })).stderr, /refuses this token/);
  status = 503;
  assert.deepEqual(await run(admin.url), { code: 1, stdout: '', stderr: `✗ ${admin.url} answered 503: the store is away\n` });
  const url = `http://127.0.0.1:${await freePort()}`;
  const { code, stderr } = await run(url);
  assert.equal(code, 69);
  assert.match(stderr, new RegExp(`No Spillway answers on ${url} \\(.+\\)\\. Is it running\\?`));
});

test('warm asks for each page once, no more than so many at a time', async () => {
  const asked: string[] = [];
  let [now, most] = [0, 0];
  await using site = await serve((request, response) => {
    asked.push(request.url!);
    most = Math.max(most, ++now);
    setImmediate(() => {
      now--;
      if (request.url === '/p/3') response.statusCode = 500;
      if (request.url === '/p/4') response.setHeader('cache-status', 'spillway; hit; ttl=3');
      response.end('x');
    });
  });
  const cwd = project({ 'plan.mjs': planSource(50), 'spillway.config.mjs': `export default { routePlan: './plan.mjs' }` });
  const { code, stdout } = await runInProcess(['warm', '--limit', '20', '--concurrency', '3', '--site', site.url], {
    cwd,
    fetch,
  });
  assert.deepEqual(asked.toSorted(), Array.from({ length: 20 }, (_, i) => `/p/${i}`).toSorted());
  assert.ok(most <= 3, `${most} at a time`);
  assert.equal(stdout, '! 20 pages asked for: 18 new, 1 stored already, 1 failed\n    /p/3  answered 500\n');
  assert.equal(code, 1);
});

test('warm waits when the site asks for patience, and gives up after a while', async () => {
  const asked = new Map<string, number>();
  await using site = await serve((request, response) => {
    const times = (asked.get(request.url!) ?? 0) + 1;
    asked.set(request.url!, times);
    if (request.url === '/later') response.writeHead(503, { 'retry-after': '3600' });
    else if (request.url === '/never' || times < 3) response.writeHead(503, { 'retry-after': '2' });
    response.end();
  });
  const clock = new SimulatedClock();
  const cwd = project({ list: '/soon\n/never\n/later' });
  const run = runInProcess(['warm', '--from', 'list', '--site', site.url, '--concurrency', '1'], {
    cwd,
    fetch,
    runtime: runtimeFrom({ clock }),
  });
  let ended = false;
  void run.finally(() => (ended = true));
  await eventually('it has waited for each page', async () => {
    await clock.advance(500);
    return ended;
  });
  assert.equal(
    (await run).stdout,
    '! 3 pages asked for: 1 new, 0 stored already, 2 failed\n    /never  answered 503\n    /later  answered 503\n',
  );
  assert.deepEqual(
    [...asked],
    [
      ['/soon', 3],
      ['/never', 4],
      ['/later', 1],
    ],
  );
  assert.ok(clock.monotonic() >= 10_000);
});

test('warm reads lists and sitemaps, and follows a sitemap index', async () => {
  const asked: string[] = [];
  await using site = await serve((request, response) => {
    const { host } = request.headers;
    if (request.url === '/sitemap.xml')
      response.end(`<sitemapindex><sitemap><loc>http://${host}/one.xml</loc></sitemap></sitemapindex>`);
    else if (request.url === '/one.xml')
      response.end(
        '<urlset><url><loc>https://public.example/a?x=1&amp;y=2</loc></url>\n<url><loc> https://public.example/b </loc></url></urlset>',
      );
    else {
      asked.push(request.url!);
      response.end('x');
    }
  });
  const cwd = project({ 'list.txt': '# a comment\n/c\r\n\n/d' });
  const run = (from: string) => runInProcess(['warm', '--from', from, '--site', site.url, '--concurrency', '1'], { cwd, fetch });
  assert.equal((await run(`${site.url}/sitemap.xml`)).stdout, '✓ 2 pages asked for: 2 new, 0 stored already, 0 failed\n');
  assert.equal((await run('list.txt')).stdout, '✓ 2 pages asked for: 2 new, 0 stored already, 0 failed\n');
  assert.deepEqual(asked, ['/a?x=1&y=2', '/b', '/c', '/d']);
});

test('warm gives up when nothing answers, and says so', async () => {
  const cwd = project({ list: Array.from({ length: 100 }, (_, i) => `/${i}`).join('\n') });
  const url = `http://127.0.0.1:${await freePort()}`;
  const { code, stderr } = await runInProcess(['warm', '--from', 'list', '--site', url], { cwd, fetch });
  assert.equal(code, 69);
  assert.match(stderr, new RegExp(`Nothing answers on ${url}`));
  assert.equal((await runInProcess(['warm', '--from', 'nowhere', '--site', url], { cwd, fetch })).code, 2);
});

test('a terminal gets colour and a bar, a pipe neither', async () => {
  const cwd = project({ list: '/a\n/b' });
  await using site = await serve((_, response) => void response.end());
  const args = ['warm', '--from', 'list', '--site', site.url];
  const terminal = await runInProcess(args, { cwd, fetch, isTTY: true });
  assert.ok(terminal.stdout.includes('\u001B[32m✓'));
  assert.ok(terminal.stderr.includes('\r\u001B[2Kwarm'));
  const pipe = await runInProcess(args, { cwd, fetch });
  assert.ok(!(pipe.stdout + pipe.stderr).includes('\u001B'));
});

test('main.ts ends the process with the exit code, and survives a reader that has seen enough', () => {
  const main = resolve(import.meta.dirname, '../../src/cli/main.ts');
  const run = (command: string, cwd: string) => spawnSync('bash', ['-c', command], { cwd, encoding: 'utf8' });
  const spillway = `${process.execPath} --conditions=source ${main}`;
  const broken = run(`${spillway} explain GET /`, project({ 'spillway.config.json': '{"a":1}' }));
  assert.equal(broken.status, 78, broken.stderr);
  const cwd = project({ 'plan.mjs': planSource(200_000), 'spillway.config.mjs': `export default { routePlan: './plan.mjs' }` });
  const cut = run(`set -o pipefail; ${spillway} routes --format paths | head -n 1`, cwd);
  assert.deepEqual([cut.stdout, cut.stderr, cut.status], ['/p/0\n', '', 0]);
});
