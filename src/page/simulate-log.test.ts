import assert from 'node:assert/strict';
import { test } from 'node:test';
import { routePolicy } from '../../test/http/rig/page-server.ts';
import { AccessLogReader } from './access-log.ts';
import { simulateLog } from './simulate-log.ts';

const critical = routePolicy({ revalidateMs: 60_000, storeTtlMs: 60_000, graceMs: 60_000 });
const uncached = routePolicy(undefined, { className: 'api' });
const match = (_: string, path: string) => {
  if (path.startsWith('/none')) return undefined;
  return { route: path.startsWith('/api') ? { ...uncached, cache: undefined } : critical, params: {} };
};

function line(second: number, target: string, { method = 'GET', status = 200, bytes = 5000 } = {}): string {
  const minute = String(Math.floor(second / 60)).padStart(2, '0');
  const stamp = `20/Nov/2026:12:${minute}:${String(second % 60).padStart(2, '0')} +0000`;
  return `10.0.0.1 - - [${stamp}] "${method} ${target} HTTP/1.1" ${status} ${bytes} "-" "curl/8"`;
}

test('reads common and combined lines, in their own time zone', () => {
  const reader = new AccessLogReader();
  const common = reader.read('127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /a.gif?b=1 HTTP/1.0" 200 2326')!;
  assert.deepEqual(common, {
    atMs: Date.UTC(2000, 9, 10, 20, 55, 36),
    method: 'GET',
    path: '/a.gif',
    query: 'b=1',
    status: 200,
    bytes: 2326,
  });
  assert.equal(reader.read(line(1, '/x', { bytes: 0 }))?.bytes, 0);
  for (const junk of [
    '',
    'hello',
    '- - [x] "GET / HTTP/1.1" 200 1',
    '1.1.1.1 - - [20/Nov/2026:12:00:00 +0000] "\\x16\\x03" 400 0',
  ])
    assert.equal(reader.read(junk), undefined);
});

test('counts hits, stale ones and misses by class, and what other intervals would do', async () => {
  const seconds = [0, 10, 50, 70, 80, 250];
  const report = await simulateLog(
    [
      ...seconds.map((second) => line(second, '/plans?utm=1')),
      line(251, '/api/x'),
      line(252, '/plans', { method: 'POST' }),
      line(253, '/none'),
      'junk',
    ],
    { match, factors: [0.1, 10] },
  );
  const [plans, api] = report.classes;
  // Made at 0, fresh until 60, stale at 70 and made anew, gone at 250.
  assert.deepEqual([plans!.hits, plans!.stale, plans!.misses, plans!.passed], [3, 1, 2, 1]);
  assert.equal(plans!.hitRatio, 4 / 6);
  assert.equal(api!.passed, 1);
  assert.deepEqual([report.requests, report.unread, report.unmatched], [9, 1, 1]);
  assert.equal(report.originRequests, 5);
  assert.equal(report.regenerations, 1);
  assert.equal(report.pages, 1);
  assert.equal(report.alternatives[0]!.originRequests, 8);
  assert.equal(report.alternatives[1]!.originRequests, 3);
});

test('keeps to the memory it is given', async () => {
  const lines = Array.from({ length: 100 }, (_, nth) => line(nth, `/p${nth}`));
  const report = await simulateLog(lines, { match, maxBytes: 65_000 });
  assert.equal(report.pages, 10);
  assert.equal(report.evicted, 90);
  assert.ok(report.peakBytes <= 65_000);
});
