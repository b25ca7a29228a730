import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startRedis, type RedisServer } from '../../test/servers/index.ts';
import { slowProxy } from '../../test/limit/slow-proxy.ts';
import type { Findings, Study } from '../harness/index.ts';
import type { FailureOrder, FailureReport } from './store-failure-process.ts';

const LIMIT = 400;
const INSTANCES = 4;
const TROUBLE_MS = 4000;

/** Makes trouble and returns how to end it. */
type Trouble = (redis: RedisServer, proxy: Awaited<ReturnType<typeof slowProxy>>) => Promise<() => Promise<void>>;

const troubles: Record<string, Trouble> = {
  frozen: async (redis) => {
    redis.process.freeze();
    return async () => redis.process.thaw();
  },
  killed: async (redis) => {
    await redis.process.kill();
    return () => redis.restart();
  },
  '200 ms slow': async (_, proxy) => {
    proxy.delayMs = 200;
    return async () => void (proxy.delayMs = 0);
  },
};

async function run(contender: FailureOrder['contender'], trouble: Trouble): Promise<(string | number)[]> {
  const redis = await startRedis();
  const proxy = await slowProxy(redis.port);
  const order: FailureOrder = { contender, url: `redis://127.0.0.1:${proxy.port}`, limit: LIMIT, instances: INSTANCES };
  const children = Array.from({ length: INSTANCES }, () =>
    fork(join(import.meta.dirname, 'store-failure-process.ts'), [JSON.stringify(order)], {
      execArgv: ['--conditions=source'],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    }),
  );
  await Promise.all(children.map((child) => once(child, 'message')));
  for (const child of children) child.send('trouble');
  const end = await trouble(redis, proxy);
  await delay(TROUBLE_MS);
  for (const child of children) child.send('over');
  await end();
  await delay(2500);
  const answers = children.map((child) => once(child, 'message'));
  for (const child of children) child.send('report');
  const reports = (await Promise.all(answers)).map(([report]) => report as FailureReport);
  proxy.close();
  await redis.stop();
  const took = reports.flatMap((report) => report.tookMs).toSorted((a, b) => a - b);
  const p99 = took[Math.floor(took.length * 0.99)]!;
  const healed = reports.map((report) => report.healedMs ?? Number.NaN);
  return [
    took.length,
    p99,
    `${Math.round((reports.reduce((sum, report) => sum + report.neverCame, 0) / took.length) * 100)} %`,
    reports.reduce((sum, report) => sum + report.admitted, 0),
    contender === 'spillway' ? Math.round(Math.max(...healed)) : '',
    reports.reduce((sum, report) => sum + report.unhandled, 0),
  ];
}

const study: Study = {
  name: 'limit/store-failure',
  study: async (): Promise<Findings> => {
    const rows: (string | number)[][] = [];
    for (const [name, trouble] of Object.entries(troubles)) {
      for (const contender of ['spillway', 'rate-limiter-flexible', 'rate-limit-redis'] as const)
        rows.push([`${name} · ${contender}`, ...(await run(contender, trouble))]);
    }
    return {
      bench: 'limit/store-failure',
      title: 'Redis in trouble',
      what: `Four processes share a limit of ${LIMIT} a minute and ask every 2 ms while their Redis is in trouble for four seconds. A decision that had not come when the trouble ended counts as long as it had waited until then. Admitted: during the trouble, by all four. Healed: how long after its end Redis decided again in the last process. rate-limiter-flexible with its insurance limiter set to a fourth of the limit; peers through node-redis as it comes.`,
      columns: ['', 'decisions', 'p99 ms', 'never came', 'admitted', 'healed, ms', 'unhandled rejections'],
      rows,
    };
  },
};

export default study;
