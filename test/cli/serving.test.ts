/** The command line against a Spillway that really serves, as a user would run it. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { eventually, freePort, ServerProcess } from '../servers/index.ts';
import { runInProcess } from './run-cli.ts';
import { serve, type TestSite } from './site.ts';

const main = resolve(import.meta.dirname, '../../src/cli/main.ts');
const folder = mkdtempSync(join(tmpdir(), 'spillway-serving-'));
let origin: TestSite;
let spillway: ServerProcess;
let siteUrl: string;
let made = 0;

before(async () => {
  origin = await serve((request, response) => {
    made++;
    response.setHeader('content-type', 'text/plain');
    response.end(`${request.url} ${made}`);
  });
  const [port, adminPort] = [await freePort(), await freePort()];
  siteUrl = `http://127.0.0.1:${port}`;
  const config = {
    listen: { port },
    admin: { port: adminPort, token: 'a-token-of-the-test' },
    upstreams: { site: { endpoints: [origin.url] } },
    routes: { '/plans/:city': { class: 'critical', tags: ['city::city'] } },
  };
  writeFileSync(join(folder, 'spillway.config.ts'), `export default ${JSON.stringify(config, undefined, 2)};`);
  spillway = new ServerProcess(process.execPath, ['--conditions=source', main, 'start'], { cwd: folder });
  await eventually('spillway says where it serves', () => spillway.output.includes('admin'), 20_000);
});

after(async () => {
  await spillway.kill();
  await origin[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

async function cacheStatus(path: string): Promise<string> {
  let answer: Response;
  // On a machine that is busy with other tests Spillway may shed a request, as it should.
  await eventually(`${path} is answered`, async () => {
    answer = await fetch(new URL(path, siteUrl));
    await answer.text();
    return answer.status !== 503;
  });
  assert.equal(answer!.status, 200);
  return answer!.headers.get('cache-status') ?? '';
}

test('start prints where it serves, and serves', async () => {
  assert.match(spillway.output, new RegExp(`Spillway serves by spillway.config.ts\\n {4}site {3}${siteUrl} `));
  assert.match(await cacheStatus('/plans/waco'), /^spillway.*fwd/);
  assert.match(await cacheStatus('/plans/waco'), /^spillway; hit/);
});

test('warm stores pages, so that visitors find them', async () => {
  writeFileSync(join(folder, 'list'), '/plans/austin\n/plans/dallas\n/plans/nowhere/at-all\n');
  const first = await runInProcess(['warm', '--from', 'list'], { cwd: folder, fetch });
  assert.equal(first.stdout, '! 3 pages asked for: 2 new, 0 stored already, 1 failed\n    /plans/nowhere/at-all  answered 404\n');
  assert.match(await cacheStatus('/plans/austin'), /^spillway; hit/);
  const again = await runInProcess(['warm', '--from', 'list', '--limit', '2'], { cwd: folder, fetch });
  assert.equal(again.stdout, '✓ 2 pages asked for: 0 new, 2 stored already, 0 failed\n');
});

test('purge takes away what has the tag, and nothing else', async () => {
  await cacheStatus('/plans/austin');
  await cacheStatus('/plans/dallas');
  const { code, stdout, stderr } = await runInProcess(['purge', '--tag', 'city:dallas'], { cwd: folder, fetch });
  assert.deepEqual([code, stdout, stderr], [0, '✓ Purged: tag city:dallas\n', '']);
  assert.match(await cacheStatus('/plans/austin'), /^spillway; hit/);
  assert.doesNotMatch(await cacheStatus('/plans/dallas'), /^spillway; hit/);
  const refused = await runInProcess(['purge', '--all', '--token', 'a-wrong-token-here'], { cwd: folder, fetch });
  assert.equal(refused.code, 77);
});

test('doctor knows that it runs', async () => {
  const { code, stdout } = await runInProcess(['doctor'], { cwd: folder, fetch });
  assert.equal(code, 0, stdout);
  assert.equal(stdout.match(/is served by Spillway already/g)?.length, 2);
});

test('a second one is told that the port is taken', async () => {
  const second = new ServerProcess(process.execPath, ['--conditions=source', main, 'start'], { cwd: folder });
  await eventually('the second ends', () => second.exited, 20_000);
  assert.equal(second.child.exitCode, 73, second.output);
  assert.doesNotMatch(second.output, /^ +at /m);
});

test('SIGTERM stops it with exit code 0', async () => {
  spillway.child.kill('SIGTERM');
  await eventually('it ends', () => spillway.exited, 20_000);
  assert.equal(spillway.child.exitCode, 0, spillway.output);
});
