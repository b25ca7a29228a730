import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { runInProcess } from './run-cli.ts';

const cwd = mkdtempSync(join(tmpdir(), 'spillway-simulate-'));
after(() => rmSync(cwd, { recursive: true, force: true }));

const line = (second: number, target: string): string =>
  `10.0.0.1 - - [20/Nov/2026:12:00:${String(second).padStart(2, '0')} +0000] "GET ${target} HTTP/1.1" 200 5000 "-" "x"`;
const log = [...Array.from({ length: 10 }, (_, second) => line(second, '/plans')), line(11, '/account/me'), 'junk'].join('\n');
writeFileSync(join(cwd, 'access.log.gz'), gzipSync(log));
writeFileSync(
  join(cwd, 'spillway.config.json'),
  JSON.stringify({
    upstreams: { site: { endpoints: ['http://127.0.0.1:9'] } },
    routes: { '/plans': { class: 'critical' }, '/account/**': { cache: false } },
  }),
);

test('replays a compressed log through the policy', async () => {
  const { code, stdout } = await runInProcess(['simulate', '--log', 'access.log.gz', '--json'], { cwd });
  assert.equal(code, 0);
  const report = JSON.parse(stdout) as { hitRatio: number; requests: number; unread: number; originRequests: number };
  assert.deepEqual([report.requests, report.unread, report.originRequests, report.hitRatio], [11, 1, 2, 0.9]);
  const shown = await runInProcess(['simulate', '--log', 'access.log.gz', '--memory', '64mb'], { cwd });
  assert.match(shown.stdout, /critical +10 +9 +0 +1 +0 +90\.0 %/);
});

test('says what is wrong with its arguments', async () => {
  assert.match((await runInProcess(['simulate', '--log', 'x', '--memory', 'much'], { cwd })).stderr, /size such as 64mb/);
  const missing = await runInProcess(['simulate', '--log', 'missing.log'], { cwd });
  assert.notEqual(missing.code, 0);
  assert.match(missing.stderr, /missing\.log/);
});
