/** A million routes in a process of their own, whose memory nothing else touches. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';

const STREAM = `
  import { planRoutes, TEXAS_ELECTRICITY } from ${JSON.stringify(new URL('index.ts', import.meta.url).href)};
  function* cities() { for (let at = 0; at < 41_000; at++) yield 'Town number ' + at; }
  const plan = planRoutes({ ...TEXAS_ELECTRICITY, cities, maxRoutes: 1_000_000 });
  let routes = 0, peak = 0;
  for await (const route of plan) {
    if (!route.path.startsWith('/electricity-plans/town-number-')) throw new Error(route.path);
    if (++routes % 10_000 === 0) peak = Math.max(peak, process.memoryUsage.rss());
  }
  console.log(JSON.stringify({ routes, peak }));
`;

test('1,000,000 routes stream in less than 200 MB', () => {
  const args = ['--conditions=source', '--max-old-space-size=128', '--input-type=module', '--eval', STREAM];
  const { stdout, stderr, status } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  const { routes, peak } = JSON.parse(stdout) as { routes: number; peak: number };
  assert.equal(routes, 1_000_000);
  assert.ok(peak < 200e6, `peak ${Math.round(peak / 1e6)} MB`);
});
