import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { eventually, redisCli, startRedis, startRedisCluster, type RedisServer } from '../../test/servers/index.ts';
import { slowProxy } from '../../test/limit/slow-proxy.ts';
import type { Findings, Study } from '../harness/index.ts';
import type { FailureOrder, FailureReport } from './store-failure-process.ts';

const LIMIT = 400;
const INSTANCES = 4;
const TROUBLE_MS = 4000;
const CONTENDERS = ['spillway', 'rate-limiter-flexible', 'rate-limit-redis'] as const;

/** A Redis in the way of trouble. */
interface Scene {
  readonly url: string | string[];
  /** Looks around once every process has decided for the first time. */
  prepare?(): Promise<void>;
  begin(): Promise<void> | void;
  /** Resolves when Redis could decide again. */
  end(): Promise<void> | void;
  close(): Promise<void>;
}

/** One Redis behind a proxy; `make` says how trouble begins and ends. */
async function singleScene(
  make: (redis: RedisServer, proxy: Awaited<ReturnType<typeof slowProxy>>) => Pick<Scene, 'begin' | 'end'>,
): Promise<Scene> {
  const redis = await startRedis();
  const proxy = await slowProxy(redis.port);
  return {
    url: `redis://127.0.0.1:${proxy.port}`,
    ...make(redis, proxy),
    close: async () => {
      proxy.close();
      await redis.stop();
    },
  };
}

/** The master that has the key is killed; its replica takes over after the cluster's node timeout of 1.5 s. */
async function failoverScene(): Promise<Scene> {
  const cluster = await startRedisCluster(3, 1);
  const isMaster = ({ port }: RedisServer): boolean => redisCli(port, ['role']).startsWith('master');
  const hasKey = ({ port }: RedisServer): boolean => redisCli(port, ['keys', '*']).includes('key}');
  const holders = (): RedisServer[] => cluster.nodes.filter(hasKey);
  let [master, replica]: (RedisServer | undefined)[] = [];
  return {
    url: [...cluster.urls],
    prepare: async () => {
      await eventually('the key has reached its replica', () => holders().length === 2);
      master = holders().find(isMaster);
      replica = holders().find((node) => !isMaster(node));
    },
    begin: () => master!.process.kill(),
    end: () => eventually('the replica has taken over', () => isMaster(replica!), 30_000),
    close: () => cluster.stop(),
  };
}

const troubles: Record<string, () => Promise<Scene>> = {
  frozen: () => singleScene((redis) => ({ begin: () => redis.process.freeze(), end: () => redis.process.thaw() })),
  killed: () => singleScene((redis) => ({ begin: () => redis.process.kill(), end: () => redis.restart() })),
  '200 ms slow': () =>
    singleScene((_, proxy) => ({ begin: () => void (proxy.delayMs = 200), end: () => void (proxy.delayMs = 0) })),
  'failing over': failoverScene,
};

async function run(contender: FailureOrder['contender'], name: string): Promise<(string | number)[]> {
  const scene = await troubles[name]!();
  const order: FailureOrder = { contender, url: scene.url, limit: LIMIT, instances: INSTANCES };
  const children = Array.from({ length: INSTANCES }, () =>
    fork(join(import.meta.dirname, 'store-failure-process.ts'), [JSON.stringify(order)], {
      execArgv: ['--conditions=source'],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    }),
  );
  const tell = (message: string): void => children.forEach((child) => void child.send(message));
  await Promise.all(children.map((child) => once(child, 'message')));
  await scene.prepare?.();
  tell('trouble');
  await scene.begin();
  const endsByItself = name === 'failing over';
  if (endsByItself) await scene.end();
  else await delay(TROUBLE_MS);
  tell('stop');
  if (!endsByItself) await scene.end();
  tell('over');
  await delay(2500);
  const answers = children.map((child) => once(child, 'message'));
  tell('report');
  const reports = (await Promise.all(answers)).map(([report]) => report as FailureReport);
  await scene.close();
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
    for (const name of Object.keys(troubles)) {
      const contenders = name === 'failing over' ? (['spillway'] as const) : CONTENDERS;
      for (const contender of contenders) rows.push([`${name} · ${contender}`, ...(await run(contender, name))]);
    }
    return {
      bench: 'limit/store-failure',
      title: 'Redis in trouble',
      what: `Four processes share a limit of ${LIMIT} a minute and ask every 2 ms while their Redis is in trouble for four seconds, or until a replica of the cluster has taken over. A decision that had not come when the trouble ended counts as long as it had waited until then. Admitted: during the trouble, by all four. Healed: how long after its end the last decision was made without Redis, in the slowest process. rate-limiter-flexible with its insurance limiter set to a fourth of the limit; peers through node-redis as it comes.`,
      columns: ['', 'decisions', 'p99 ms', 'never came', 'admitted', 'healed, ms', 'unhandled rejections'],
      rows,
    };
  },
};

export default study;
