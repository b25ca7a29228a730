import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually, freePort, ServerProcess } from './process.ts';
import { programPath } from './programs.ts';

/** A real Redis on a loopback port of its own, with its data in a folder that goes away with it. */
export interface RedisServer {
  readonly url: string;
  readonly port: number;
  readonly process: ServerProcess;
  /** Starts it again on the same port after a kill; data is gone unless it was configured to persist. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export async function startRedis(settings: readonly string[] = []): Promise<RedisServer> {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), 'spillway-redis-'));
  const launch = async (): Promise<ServerProcess> => {
    const args = [
      '--port',
      String(port),
      '--bind',
      '127.0.0.1',
      '--save',
      '',
      '--appendonly',
      'no',
      '--dir',
      folder,
      ...settings,
    ];
    const started = new ServerProcess(programPath('redis'), args);
    await eventually(`redis answers on ${port}`, () => pings(port));
    return started;
  };
  let current = await launch();
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    get process() {
      return current;
    },
    restart: async () => {
      await current.kill();
      current = await launch();
    },
    stop: async () => {
      await current.kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A Redis Cluster on loopback: `masters` masters with `replicas` replicas each. */
export interface RedisCluster {
  readonly nodes: readonly RedisServer[];
  readonly urls: readonly string[];
  stop(): Promise<void>;
}

export async function startRedisCluster(masters = 3, replicas = 0): Promise<RedisCluster> {
  const settings = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '1500', '--cluster-replica-validity-factor', '0'];
  const nodes = await Promise.all(
    Array.from({ length: masters * (1 + replicas) }, async () =>
      startRedis([...settings, '--cluster-port', String(await freePort())]),
    ),
  );
  const addresses = nodes.map((node) => `127.0.0.1:${node.port}`);
  execFileSync(
    programPath('redisCli'),
    ['--cluster', 'create', ...addresses, '--cluster-replicas', String(replicas), '--cluster-yes'],
    {
      stdio: 'ignore',
    },
  );
  await eventually('the cluster is ok on every node', async () =>
    nodes.every((node) => redisCli(node.port, ['cluster', 'info']).includes('cluster_state:ok')),
  );
  return {
    nodes,
    urls: nodes.map((node) => node.url),
    stop: async () => void (await Promise.all(nodes.map((node) => node.stop()))),
  };
}

/** Runs one redis-cli command and returns what it printed. */
export function redisCli(port: number, command: readonly string[]): string {
  return execFileSync(programPath('redisCli'), ['-p', String(port), ...command], { encoding: 'utf8', timeout: 5000 });
}

function pings(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'));
    socket.once('data', (chunk) => {
      resolve(chunk.toString().startsWith('+PONG'));
      socket.destroy();
    });
    socket.once('error', () => resolve(false));
  });
}
