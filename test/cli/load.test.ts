import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { LoadReport } from '../../src/load/index.ts';
import { runInProcess } from './run-cli.ts';
import { serve } from './site.ts';

const folder = mkdtempSync(join(tmpdir(), 'spillway-load-'));
after(() => rmSync(folder, { recursive: true }));

const file = (name: string): string => join(folder, name);
const loadModule = new URL('../../src/load/index.ts', import.meta.url).href;

test('an address: the report on stdout and in files, thresholds in the exit code', async () => {
  await using site = await serve((_request, response) => response.end('ok'));
  const args = ['load', site.url, '--rate', '100/s', '--duration', '600ms', '--connections', '8'];
  const files = ['--out', file('a.json'), '--html', file('a.html'), '--junit', file('a.xml')];
  const fine = await runInProcess([...args, '--threshold', 'errors: rate<0.01', ...files]);
  assert.ok([0, 97].includes(fine.code), fine.stdout + fine.stderr);
  assert.match(fine.stdout, /completed +60 +100\.0\/s/);
  assert.match(fine.stdout, /latency +\d/);
  const report = JSON.parse(readFileSync(file('a.json'), 'utf8')) as LoadReport;
  assert.deepEqual([report.planned, report.sent, report.completed], [60, 60, 60]);
  assert.match(readFileSync(file('a.html'), 'utf8'), /^<!doctype html>[\s\S]*<\/html>\n$/);
  assert.match(readFileSync(file('a.xml'), 'utf8'), /<testcase classname="spillway.load" name="errors rate&lt;0.01"/);
  const broken = await runInProcess([...args, '--threshold', 'latency{scenario:default}: max<0', '--json']);
  assert.ok([97, 99].includes(broken.code));
  assert.equal((JSON.parse(broken.stdout) as LoadReport).thresholds[0]!.passed, false);
});

test('a load file, a baseline and a recording', async () => {
  const asked: string[] = [];
  await using site = await serve((request, response) => (asked.push(request.url!), response.end('ok')));
  writeFileSync(
    file('load.ts'),
    `import { constant, defineLoad } from '${loadModule}';
export default defineLoad({ target: 'http://127.0.0.1:1', arrival: constant('40/s').for('500ms'), scenarios: { a: { exec: async ({ get }) => { await get('/from-file'); } } } });`,
  );
  const first = await runInProcess(['load', file('load.ts'), '--target', site.url, '--out', file('base.json')]);
  assert.ok([0, 97].includes(first.code), first.stderr);
  assert.equal(asked.filter((path) => path === '/from-file').length, 20);
  const second = await runInProcess(['load', file('load.ts'), '--target', site.url, '--baseline', file('base.json')]);
  assert.match(second.stdout, /p50 was .*, is /);
  const log = Array.from(
    { length: 3 },
    (_, at) => `1.1.1.1 - - [20/Nov/2026:18:00:0${at} +0000] "GET /page-${at} HTTP/1.1" 200 1\n`,
  );
  writeFileSync(file('access.log'), `${log.join('')}1.1.1.1 - - [20/Nov/2026:18:00:03 +0000] "POST /buy HTTP/1.1" 200 1\n`);
  const replayed = await runInProcess(['load', site.url, '--replay', file('access.log'), '--speed', '20']);
  assert.match(replayed.stderr, /1 lines .* are left out/);
  assert.deepEqual(asked.slice(-3), ['/page-0', '/page-1', '/page-2']);
});

test('the pages of a policy, by class', async () => {
  const asked = new Map<string, number>();
  await using site = await serve(
    (request, response) => (asked.set(request.url!, (asked.get(request.url!) ?? 0) + 1), response.end('ok')),
  );
  writeFileSync(
    file('spillway.config.ts'),
    `export default {
  upstreams: { site: { endpoints: ['http://127.0.0.1:1'] } },
  classes: { critical: { slo: { p95: '1s' } } },
  routes: { '/city/:name': { class: 'critical' }, '/about': { class: 'low' } },
  routePlan: async () => { const rows = async function* () { yield { path: '/city/dallas', tier: 1 }; yield { path: '/city/waco', tier: 3 }; };
    return { rows, json: rows, sitemap: rows, warmList: async () => [] }; },
};`,
  );
  const args = [
    'load',
    site.url,
    '--rate',
    '200/s',
    '--duration',
    '500ms',
    '--json',
    '--from-policy',
    file('spillway.config.ts'),
  ];
  const { stdout, stderr } = await runInProcess(args);
  assert.ok(stdout.startsWith('{'), stderr);
  const report = JSON.parse(stdout) as LoadReport;
  assert.deepEqual(Object.keys(report.classes), ['critical']);
  assert.equal(report.thresholds[0]!.subject, 'latency{class:critical}');
  assert.ok(asked.get('/city/dallas')! > 8 * asked.get('/city/waco')!);
});

test('what cannot be done is said in a sentence', async () => {
  const cases: [args: string[], code: number, message: RegExp][] = [
    [['load', 'http://192.0.2.1/'], 1, /192\.0\.2\.1 is not this machine.*--allow-host 192\.0\.2\.1/],
    [['load', 'nothing.ts'], 2, /neither a load file nor an address/],
    [['load', 'http://127.0.0.1:1/', '--rate', 'fast'], 2, /A rate such as 500\/s/],
    [['load', 'http://127.0.0.1:1/', '--rate', '0/s'], 2, /A rate such as 500\/s/],
    [['load', 'http://127.0.0.1:1/', '--rate', '5/s', '--users', '2'], 2, /give one of them/],
    [['load', 'http://127.0.0.1:1/', '--think', '1s'], 2, /give --users too/],
    [['load', 'http://127.0.0.1:1/', '--speed', '2'], 2, /give --replay too/],
    [['load', 'http://127.0.0.1:1/', '--replay', 'a.log', '--rate', '5/s'], 2, /change it with --speed/],
    [['load', 'http://127.0.0.1:1/', '--replay', 'a.log', '--from-policy'], 2, /give one of them/],
    [['load', 'tasks', '--from-policy'], 2, /tasks is a load file/],
    [['load', 'tasks', '--duration', '5s'], 2, /--duration alone would replace the arrival/],
    [
      ['load', 'http://127.0.0.1:1/', '--html', 'no-such-folder/run.html'],
      2,
      /--html no-such-folder\/run.html cannot be written/,
    ],
    [['load', 'http://127.0.0.1:1/', '--out', '.'], 2, /--out \. cannot be written: it is a folder/],
    [['load', 'http://127.0.0.1:1/', '--baseline', import.meta.filename], 2, /cannot be read/],
    [['load', 'http://127.0.0.1:1/', '--baseline', join(import.meta.dirname, '../../package.json')], 2, /is not a report/],
    [['load', 'http://127.0.0.1:1/', '--threshold', 'p99'], 2, /expected a bound such as/],
    [['load', 'http://127.0.0.1:1/', '--threshold', 'latency: p99<3'], 78, /is not an expression such as/],
    [['load', 'http://127.0.0.1:1/', '--baseline', 'none.json'], 2, /cannot be read/],
  ];
  for (const [args, code, message] of cases) {
    const run = await runInProcess(args);
    assert.equal(run.code, code, run.stderr);
    assert.match(run.stderr, message);
  }
});
