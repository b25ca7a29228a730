import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { startRedis, startRedisCluster } from '../../test/servers/index.ts';
import { sum, traffic, worstWindow } from '../../test/limit/traffic.ts';
import type { TrafficReport } from '../../test/limit/traffic-process.ts';
import type { Findings, Study } from '../harness/index.ts';

const PROCESSES = 8;
const DURATION_MS = 9000;
/** Times of decisions come in whole ms. */
const STAMP_ERROR_MS = 2;

type Row = [string, number, number, number, string, string];

async function spillway(name: string, url: string | string[], leases: boolean, limit: number, windowMs: number): Promise<Row> {
  const reports = await traffic(
    Array.from({ length: PROCESSES }, (_, i) => ({
      url,
      limit,
      windowMs,
      leases,
      storeDeadline: '5s' as const,
      skewMs: Math.round(((i / (PROCESSES - 1)) * 2 - 1) * 5000),
      durationMs: DURATION_MS,
      seed: i + 1,
      concurrency: 12,
    })),
  );
  const decisions = sum(reports, (report) => report.decisions);
  const calls = (sum(reports, (report) => report.storeCalls) / decisions).toFixed(3);
  return [name, limit, worstWindow(reports, windowMs - STAMP_ERROR_MS), decisions, calls, usable(reports, limit, windowMs)];
}

async function peer(contender: string, url: string, limit: number, windowMs: number): Promise<Row> {
  const children = Array.from({ length: PROCESSES }, (_, i) =>
    fork(
      join(import.meta.dirname, 'rolling-process.ts'),
      [JSON.stringify({ url, limit, windowMs, durationMs: DURATION_MS, seed: i + 1, contender })],
      {
        execArgv: ['--conditions=source'],
        stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      },
    ),
  );
  await Promise.all(children.map((child) => once(child, 'message')));
  const answers = children.map((child) => once(child, 'message'));
  for (const child of children) child.send('go');
  const reports = (await Promise.all(answers)).map(([report]) => report as TrafficReport);
  return [contender, limit, worstWindow(reports, windowMs - STAMP_ERROR_MS), Number.NaN, '', usable(reports, limit, windowMs)];
}

/** Units let through ÷ what the limit allows, from the end of the first window on. */
function usable(reports: readonly TrafficReport[], limit: number, windowMs: number): string {
  const beginsMs = Math.min(...reports.flatMap((report) => report.admittedAtMs)) + windowMs;
  const admitted = sum(reports, (report) => report.admittedAtMs.filter((ms) => ms >= beginsMs).length);
  return `${Math.round((admitted / (limit * (DURATION_MS / windowMs - 1))) * 100)} %`;
}

const study: Study = {
  name: 'limit/rolling-window',
  study: async (): Promise<Findings> => {
    const rows: Row[] = [];
    const redis = await startRedis();
    rows.push(await spillway('spillway', redis.url, false, 200, 1000));
    rows.push(await spillway('spillway with leases', redis.url, true, 6000, 3000));
    for (const contender of ['rate-limiter-flexible', 'rate-limit-redis']) rows.push(await peer(contender, redis.url, 200, 1000));
    await redis.stop();
    const cluster = await startRedisCluster(3);
    rows.push(await spillway('spillway, cluster', [...cluster.urls], false, 200, 1000));
    rows.push(await spillway('spillway with leases, cluster', [...cluster.urls], true, 6000, 3000));
    await cluster.stop();
    return {
      bench: 'limit/rolling-window',
      title: 'The worst rolling window',
      what: 'Eight processes share one limit through Redis (or a cluster of three masters) under bursts and pauses for nine seconds; Spillway’s have clocks that are wrong by up to 5 s. The worst window is the most that was let through in any window as long as the limit’s, by the times of the server. Used: what was let through after the first window ÷ limit × windows; demand is above the limit throughout.',
      columns: ['', 'limit', 'worst window', 'decisions', 'Redis calls per decision', 'used'],
      rows,
    };
  },
};

export default study;
