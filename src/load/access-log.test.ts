import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { readAccessLog, type ReplayOptions } from './access-log.ts';

const folder = mkdtempSync(join(tmpdir(), 'spillway-replay-'));
after(() => rmSync(folder, { recursive: true, force: true }));

async function replay(name: string, text: string, options?: ReplayOptions) {
  writeFileSync(join(folder, name), text);
  const { arrival, scenario, skipped } = await readAccessLog(join(folder, name), options);
  const sent = [...scenario.order!].map((at) => `${scenario.requests[at]!.method} ${scenario.requests[at]!.path}`);
  return { sent, offsets: [...arrival.offsetsMs], skipped };
}

const line = (time: string, request: string): string =>
  `10.0.0.1 - bob [20/Nov/2026:${time}] "${request} HTTP/1.1" 200 17 "-" "agent"\n`;

test('the combined format: seconds are spread evenly, lines are put in order, speed applies', async () => {
  const log =
    line('18:00:01 +0000', 'GET /b') +
    line('19:00:00 +0100', 'GET /a?x=1') +
    line('18:00:01 +0000', 'HEAD /c') +
    line('18:00:01 +0000', 'POST /order') +
    'nonsense\n' +
    line('18:00:01 +0000', 'GET /b') +
    line('18:00:01 +0000', 'GET /a?x=1');
  const whole = await replay('access.log', log);
  assert.deepEqual(whole, {
    sent: ['GET /a?x=1', 'GET /b', 'HEAD /c', 'GET /b', 'GET /a?x=1'],
    offsets: [0, 1000, 1250, 1500, 1750],
    skipped: 2,
  });
  assert.deepEqual((await replay('access.log', log, { speed: 10, limit: 3 })).offsets, [0, 100, 150]);
});

test('JSON lines and HAR', async () => {
  const lines =
    '{"time":"2026-11-20T18:00:00.250Z","method":"get","url":"https://example.com/x?y"}\n{"ts":1795197601.5,"path":"/z"}\n{"level":"info"}\n';
  const fromLines = await replay('access.jsonl', lines);
  assert.deepEqual(fromLines.sent, ['GET /x?y', 'GET /z']);
  assert.equal(fromLines.skipped, 1);
  const har = { log: { entries: [{ startedDateTime: '2026-11-20T18:00:00Z', request: { method: 'GET', url: 'http://a/1' } }] } };
  assert.deepEqual((await replay('page.har', JSON.stringify(har))).sent, ['GET /1']);
});

test('a file without requests says what is expected', async () => {
  await assert.rejects(replay('empty.log', 'nothing\n'), /holds no GET or HEAD request/);
});
