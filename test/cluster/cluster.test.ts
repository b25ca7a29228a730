import assert from 'node:assert/strict';
import { Agent, get, type IncomingHttpHeaders } from 'node:http';
import { join } from 'node:path';
import { afterEach, describe, test } from 'node:test';
import { createCluster, type Cluster, type ClusterOptions } from '../../src/cluster/index.ts';
import { eventually } from '../servers/index.ts';

const file = join(import.meta.dirname, 'app.ts');
let running: Cluster | undefined;
afterEach(async () => {
  await running?.stop();
  running = undefined;
});

async function start(options: Partial<ClusterOptions> = {}, env: Record<string, string> = {}): Promise<Cluster> {
  running = createCluster({
    entry: { file, env },
    workers: 2,
    sockets: { http: { port: 0 } },
    drainTimeout: '5s',
    restartBackoff: { base: '10ms' },
    ...options,
  });
  await running.start();
  return running;
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

function ask(cluster: Cluster, path = '/', agent?: Agent): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = get({ host: '127.0.0.1', port: cluster.ports['http']!, path, agent: agent ?? false }, (response) => {
      let body = '';
      response.on('data', (chunk) => (body += String(chunk)));
      response.on('end', () => resolve({ status: response.statusCode!, headers: response.headers, body }));
      response.on('error', reject);
    });
    request.on('error', reject);
  });
}

/** An agent whose one connection leads to the worker with this pid. */
async function agentTo(cluster: Cluster, pid: number): Promise<Agent> {
  for (;;) {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    if ((await ask(cluster, '/', agent)).body.startsWith(`${pid} `)) return agent;
    agent.destroy();
  }
}

/** Requests without pause over new and kept connections, until told to stop; returns what went wrong. */
function load(
  cluster: Cluster,
  clients = 8,
  agentOf = (n: number): Agent | undefined => (n % 2 === 0 ? new Agent({ keepAlive: true, maxSockets: 1 }) : undefined),
): { stop(): Promise<{ requests: number; failures: unknown[] }> } {
  const state = { stopped: false };
  let requests = 0;
  const failures: unknown[] = [];
  const clientsDone = Array.from({ length: clients }, async (_, n) => {
    const agent = agentOf(n);
    while (!state.stopped) {
      requests++;
      await ask(cluster, n === 0 ? '/slow' : '/', agent).catch((error: unknown) => failures.push(error));
    }
    agent?.destroy();
  });
  return {
    stop: async () => {
      state.stopped = true;
      await Promise.all(clientsDone);
      return { requests, failures };
    },
  };
}

describe('a cluster', () => {
  test('serves from every worker on one port, and stops without cutting a request', async () => {
    const cluster = await start();
    const pids = new Set<string>();
    for (let i = 0; i < 60; i++) pids.add((await ask(cluster)).body.split(' ')[0]!);
    assert.deepEqual(
      [...pids].sort(),
      cluster
        .status()
        .map((worker) => String(worker.pid))
        .sort(),
    );
    const slow = Promise.all(Array.from({ length: 8 }, () => ask(cluster, '/slow')));
    await eventually('all requests are under way', async () => {
      const counts = await cluster.ask('inFlight');
      return counts.reduce((sum, answer) => sum + (answer.ok ? Number(answer.value) : 0), 0) === 8;
    });
    await cluster.stop();
    assert.deepEqual([...new Set((await slow).map((answer) => answer.status))], [200]);
    assert.deepEqual(cluster.status(), []);
  });

  test('a reload replaces every worker and loses nothing', async () => {
    const cluster = await start();
    const before = new Set(cluster.status().map((worker) => worker.pid));
    const traffic = load(cluster);
    await cluster.reload();
    await cluster.reload();
    const { requests, failures } = await traffic.stop();
    assert.deepEqual(failures, []);
    assert.ok(requests > 100, `only ${requests} requests were made`);
    assert.equal(cluster.status().filter((worker) => before.has(worker.pid)).length, 0);
  });

  test('a worker that dies is replaced; one that is stuck too', async () => {
    const cluster = await start({ heartbeat: '50ms', silentAfter: '1s' });
    const [first, second] = cluster.status();
    await ask(cluster, '/exit').catch(() => {});
    await eventually('two workers serve again', () => {
      const now = cluster.status().filter((worker) => worker.state === 'ready');
      return now.length === 2 && now.some((worker) => worker.pid !== first!.pid && worker.pid !== second!.pid);
    });
    const pids = new Set(cluster.status().map((worker) => worker.pid));
    let stuck = 0;
    cluster.events.on('workerStuck', () => stuck++);
    await cluster.ask('spin');
    await eventually('both are replaced', () => {
      const now = cluster.status().filter((worker) => worker.state === 'ready');
      return now.length === 2 && now.every((worker) => !pids.has(worker.pid));
    });
    assert.equal(stuck, 2);
  });

  test('a release that fails leaves the old workers serving', async () => {
    const cluster = await start({ readyTimeout: '9s' });
    const before = cluster.status().map((worker) => worker.pid);
    for (const fault of ['at start', 'never ready']) {
      process.env['APP_FAILS'] = fault;
      const traffic = load(cluster, 4);
      await assert.rejects(cluster.reload(), { code: 'SPILLWAY_WORKER_FAILED' });
      delete process.env['APP_FAILS'];
      assert.deepEqual((await traffic.stop()).failures, []);
      await eventually('only the old ones are left', () => cluster.status().length === 2);
      assert.deepEqual(
        cluster.status().map((worker) => worker.pid),
        before,
      );
    }
  });

  test('scaling up and down loses nothing, and a worker taken away leaves its socket to another', async () => {
    const cluster = await start({ workers: 3 });
    const traffic = load(cluster);
    await cluster.scale(1);
    assert.equal(cluster.status().length, 1);
    for (let i = 0; i < 30; i++) await ask(cluster);
    await cluster.reload();
    for (let i = 0; i < 30; i++) await ask(cluster);
    await cluster.scale(2);
    assert.equal(cluster.status().length, 2);
    const { failures, requests } = await traffic.stop();
    assert.deepEqual(failures, []);
    assert.ok(requests > 100);
  });

  test('changes wait for each other', async () => {
    const cluster = await start();
    await Promise.all([cluster.reload(), cluster.scale(3), cluster.reload(), cluster.scale(1)]);
    assert.deepEqual(
      cluster.status().map((worker) => worker.state),
      ['ready'],
    );
  });

  test('a worker that grows too large is replaced in good order', async () => {
    const cluster = await start({ workers: 1, maxMemory: '400mb', heartbeat: '50ms' });
    const [before] = cluster.status();
    const traffic = load(cluster, 4);
    await cluster.ask('grow', 400_000_000);
    await eventually('another has taken its place', () =>
      cluster.status().every((worker) => worker.pid !== before!.pid && worker.state === 'ready'),
    );
    assert.deepEqual((await traffic.stop()).failures, []);
  });

  test('a worker that runs out of memory disturbs nobody but its own clients', async () => {
    const execArgv = ['--conditions=source', '--max-old-space-size=60'];
    const cluster = await start({ entry: { file, execArgv }, silentAfter: '60s' });
    const [victim, survivor] = cluster.status();
    const kept = await agentTo(cluster, survivor!.pid);
    const calm = load(cluster, 1, () => kept);
    const reasons: string[] = [];
    cluster.events.on('workerFailed', ({ reason }) => reasons.push(reason));
    await assert.rejects(cluster.askWorker(victim!.id, 'leak'));
    // Connections the kernel gives to the dead worker's socket wait there for its successor.
    const fresh = load(cluster, 4, () => undefined);
    await eventually('another has taken its place', () => {
      const [first, second] = cluster.status();
      return reasons.length === 1 && first?.pid !== victim!.pid && first?.state === 'ready' && second?.pid === survivor!.pid;
    });
    for (const traffic of [calm, fresh]) {
      const { requests, failures } = await traffic.stop();
      assert.deepEqual(failures, []);
      assert.ok(requests > 1);
    }
    assert.match(reasons[0]!, /SIGABRT|134/);
  });

  test('a worker taken out of service stays out until it is replaced, and nothing is lost', async () => {
    const cluster = await start();
    const traffic = load(cluster);
    const [first, second] = cluster.status();
    await cluster.drainWorker(first!.id);
    const states = (): string[] => cluster.status().map(({ id, state }) => `${id} ${state}`);
    assert.deepEqual(states(), [`${first!.id} drained`, `${second!.id} ready`]);
    for (let i = 0; i < 30; i++) assert.match((await ask(cluster)).body, new RegExp(`^${second!.pid} `));
    await assert.rejects(cluster.drainWorker(second!.id), { code: 'SPILLWAY_WORKER_FAILED', message: /no other worker/ });
    await cluster.drainWorker(first!.id);
    await cluster.reload();
    const [empty, successor] = cluster.status();
    assert.equal(empty!.state, 'drained');
    assert.notEqual(successor!.pid, second!.pid);
    for (let i = 0; i < 30; i++) await ask(cluster);
    await cluster.replace(first!.id);
    await eventually('both places serve', async () => (await ask(cluster)).body.startsWith(`${cluster.status()[0]!.pid} `));
    assert.deepEqual(
      cluster.status().map(({ state }) => state),
      ['ready', 'ready'],
    );
    await assert.rejects(cluster.drainWorker(99), { code: 'SPILLWAY_WORKER_FAILED' });
    assert.deepEqual((await traffic.stop()).failures, []);
  });

  test('a start that fails says so', async () => {
    await assert.rejects(start({}, { APP_FAILS: 'at start' }), { code: 'SPILLWAY_WORKER_FAILED', message: /exit code 3/ });
  });
});

describe('a request that kills', () => {
  /** Asks until it is refused; returns how many workers it took along. */
  async function killUntilRefused(cluster: Cluster, path: string): Promise<{ deaths: number; refusal: Answer }> {
    let deaths = 0;
    cluster.events.on('workerFailed', () => deaths++);
    for (;;) {
      const answer = await ask(cluster, path).catch(() => undefined);
      if (answer) return { deaths, refusal: answer };
      // Others are answered between two deaths: they are innocent.
      await eventually('the others are served', async () => (await ask(cluster).catch(() => undefined))?.status === 200);
    }
  }

  test('by a fault of the application is refused after three deaths, and nothing else is', async () => {
    const cluster = await start();
    const seen: string[] = [];
    cluster.events.on('requestQuarantined', ({ fingerprint, deaths }) => seen.push(`${fingerprint} ${deaths}`));
    const { deaths, refusal } = await killUntilRefused(cluster, '/throw?id=7');
    assert.deepEqual([refusal.status, deaths, seen], [503, 3, ['GET /throw?id=7 3']]);
    const seconds = Number(refusal.headers['retry-after']);
    assert.ok(seconds >= 1 && seconds <= 30, `Retry-After is ${seconds}`);
    await eventually('every worker is back, and refuses it', async () => {
      const answers = await Promise.all(Array.from({ length: 10 }, () => ask(cluster, '/throw?id=7')));
      return cluster.status().length === 2 && answers.every(({ status }) => status === 503);
    });
    assert.equal((await ask(cluster, '/')).status, 200);
    assert.equal(deaths, 3);
  });

  test('without a last word is found too, one death later', async () => {
    const cluster = await start();
    const { deaths, refusal } = await killUntilRefused(cluster, '/die');
    assert.deepEqual([refusal.status, deaths], [503, 4]);
  });

  test('by an endless loop is found too', async () => {
    const cluster = await start({ heartbeat: '50ms', silentAfter: '1s', poison: { deaths: 2 } });
    const { deaths, refusal } = await killUntilRefused(cluster, '/spin');
    assert.deepEqual([refusal.status, deaths], [503, 3]);
  });
});

describe('the bus', () => {
  test('a message is in force everywhere when its promise settles, whoever sent it', async () => {
    const cluster = await start({ workers: 3 });
    assert.deepEqual(await cluster.bus.publish('price', '12'), { acknowledged: 3, missing: 0 });
    assert.deepEqual(
      (await cluster.ask('price')).map((answer) => answer.ok && answer.value),
      ['12', '12', '12'],
    );
    let heard = '';
    cluster.bus.subscribe('price', (message) => void (heard = message));
    const [receipt] = await cluster.ask('publish', '13');
    assert.deepEqual(receipt!.ok && receipt!.value, { acknowledged: 3, missing: 0 });
    assert.equal(heard, '13');
  });

  test('a worker that is stuck is counted as missing, and does not hold the others up', async () => {
    const cluster = await start({ askTimeout: '200ms' });
    const spinning = cluster.ask('spin');
    const receipt = await cluster.bus.publish('price', '14');
    assert.deepEqual(receipt, { acknowledged: 0, missing: 2 });
    assert.ok((await spinning).every((answer) => !answer.ok));
  });
});
