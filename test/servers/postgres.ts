import { execFileSync } from 'node:child_process';
import { chownSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { eventually, freePort, ServerProcess } from './process.ts';
import { programPath } from './programs.ts';

/** A real PostgreSQL on a loopback port of its own. */
export interface PostgresServer {
  readonly url: string;
  readonly port: number;
  readonly process: ServerProcess;
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export async function startPostgres(settings: Readonly<Record<string, string>> = {}): Promise<PostgresServer> {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), 'spillway-postgres-'));
  const data = join(folder, 'data');
  const owner = ordinaryUser();
  if (owner) chownSync(folder, owner.uid, owner.gid);
  // On PATH there may be only a link to it; its companions lie beside the program itself.
  const bin = dirname(realpathSync(programPath('postgres')));
  execFileSync(join(bin, 'initdb'), ['-D', data, '-U', 'postgres', '-A', 'trust', '--no-sync', '-E', 'UTF8'], {
    stdio: 'ignore',
    ...owner,
  });
  const flags = Object.entries({ fsync: 'off', listen_addresses: '127.0.0.1', unix_socket_directories: folder, ...settings });
  const launch = async (): Promise<ServerProcess> => {
    const args = ['-D', data, '-p', String(port), ...flags.flatMap(([name, value]) => ['-c', `${name}=${value}`])];
    const started = new ServerProcess(join(bin, 'postgres'), args, owner);
    await eventually(`postgres answers on ${port}`, () => isReady(bin, port));
    return started;
  };
  let current = await launch();
  return {
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    port,
    get process() {
      return current;
    },
    restart: async () => {
      await current.kill('SIGINT');
      current = await launch();
    },
    stop: async () => {
      await current.kill('SIGINT');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function isReady(bin: string, port: number): boolean {
  try {
    execFileSync(join(bin, 'pg_isready'), ['-h', '127.0.0.1', '-p', String(port)], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** PostgreSQL refuses to run as root: there the account its package made owns the data. */
function ordinaryUser(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const id = (flag: string): number => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}
