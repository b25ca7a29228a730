import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, missingProgram, nginxServer, nodeServer, type RunningServer, type ServerContender } from '../harness/index.ts';

const file = join(import.meta.dirname, 'proxies.ts');
const missingNginx = (): string | undefined => missingProgram('nginx', 'nginx-light');

/** What all of them stand before: nginx sending bytes it holds, on the core of the load generator. */
async function startOrigin(bytes: number): Promise<RunningServer> {
  const port = await freePort();
  const folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'spillway-origin-'));
  writeFileSync(join(folder, 'body'), 'x'.repeat(bytes));
  const location =
    bytes <= 1024
      ? `location / { default_type text/plain; return 200 '${'x'.repeat(bytes)}'; }`
      : `location / { root ${folder}; default_type application/octet-stream; try_files /body =404; }`;
  const origin = await nginxServer(port, `server { listen 127.0.0.1:${port}; ${location} }`);
  for (const pid of origin.pids) execFileSync('taskset', ['-a', '-p', '-c', '1', String(pid)], { stdio: 'ignore' });
  return { ...origin, stop: async () => (await origin.stop(), rmSync(folder, { recursive: true })) };
}

async function beforeOrigin(bytes: number, start: (origin: string) => Promise<RunningServer>): Promise<RunningServer> {
  const origin = await startOrigin(bytes);
  const server = await start(origin.url);
  return {
    ...server,
    stop: async () => {
      await server.stop();
      await origin.stop();
    },
  };
}

/** What is passed, and over how many connections it is asked for. */
export interface PassedLoad {
  readonly bytes: number;
  readonly connections: number;
}

const SMALL: PassedLoad = { bytes: 1024, connections: 40 };

export function nodeProxy(name: string, { bytes, connections }: PassedLoad = SMALL): ServerContender {
  return {
    kind: 'server',
    unavailable: missingNginx,
    start: () => beforeOrigin(bytes, (origin) => nodeServer(file, [name, origin])),
    load: { connections },
  };
}

/** nginx keeps what does not fit its buffers in files unless it is told not to: it is told. */
export const nginxProxy = ({ bytes, connections }: PassedLoad = SMALL): ServerContender => ({
  kind: 'server',
  unavailable: missingNginx,
  start: () =>
    beforeOrigin(bytes, async (origin) => {
      const port = await freePort();
      return nginxServer(
        port,
        `proxy_max_temp_file_size 0; proxy_buffers 16 32k; upstream site { server ${origin.slice(7)}; server localhost:${origin.split(':')[2]}; least_conn; keepalive 128; }
         server { listen 127.0.0.1:${port}; location / { proxy_pass http://site; proxy_http_version 1.1; proxy_set_header Connection '';
         proxy_set_header Host $host; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Forwarded-Proto $scheme; } }`,
      );
    }),
  load: { connections },
});
