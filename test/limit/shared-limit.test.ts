/** Eight processes with wrong clocks share one limit: no rolling window may ever hold more. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startRedis, startRedisCluster } from '../servers/index.ts';
import { sum, traffic, worstWindow } from './traffic.ts';
import type { TrafficOrder } from './traffic-process.ts';

const PROCESSES = 8;
/** Times come from Redis in whole ms. */
const STAMP_ERROR_MS = 2;

function orders(url: string | string[], more: Pick<TrafficOrder, 'leases' | 'limit' | 'windowMs'>): TrafficOrder[] {
  return Array.from({ length: PROCESSES }, (_, i) => ({
    url,
    skewMs: Math.round(((i / (PROCESSES - 1)) * 2 - 1) * 5000),
    durationMs: 6000,
    seed: i + 1,
    concurrency: 12,
    storeDeadline: '5s',
    ...more,
  }));
}

const servers = {
  'one Redis': async () => {
    const redis = await startRedis();
    return { url: redis.url as string | string[], stop: () => redis.stop() };
  },
  'a cluster of three masters': async () => {
    const cluster = await startRedisCluster(3);
    return { url: [...cluster.urls] as string | string[], stop: () => cluster.stop() };
  },
};

for (const [name, start] of Object.entries(servers)) {
  for (const leases of [false, true]) {
    test(`${name}, ${leases ? 'with' : 'without'} leases`, async (t) => {
      const server = await start();
      // A lease lasts a sixtieth of the window: long enough for an answer to arrive within it on a busy machine.
      const [limit, windowMs] = leases ? [6000, 3000] : [200, 1000];
      const reports = await traffic(orders(server.url, { leases, limit, windowMs }));
      await server.stop();
      const worst = worstWindow(reports, windowMs - STAMP_ERROR_MS);
      const decisions = sum(reports, (report) => report.decisions);
      const calls = sum(reports, (report) => report.storeCalls);
      t.diagnostic(
        `worst window ${worst} of ${limit}, ${decisions} decisions, ${(calls / decisions).toFixed(3)} calls per decision, admitted ${sum(reports, (report) => report.admittedAtMs.length)}`,
      );
      assert.ok(worst <= limit, `${worst} in a window of ${limit}`);
      // On a machine too busy to ask for much more than the limit, there is nothing to tell how much of it is usable.
      if (decisions >= 10 * limit) assert.ok(worst >= 0.9 * limit, `only ${worst} of ${limit} were usable`);
    });
  }
}
