import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { freePort, missingProgram, nginxServer, nodeServer, type RunningServer, type ServerContender } from '../harness/index.ts';

const file = join(import.meta.dirname, 'proxies.ts');
const missingNginx = (): string | undefined => missingProgram('nginx', 'nginx-light');

/** What all of them stand before: nginx sending bytes it holds, on the core of the load generator. */
async function startOrigin(bytes: number): Promise<RunningServer> {
  const port = await freePort();
  const body = 'x'.repeat(Math.min(bytes, 1024));
  const times = Math.ceil(bytes / 1024);
  const location =
    times === 1
      ? `location / { default_type text/plain; return 200 '${body}'; }`
      : `location / { root $folder; try_files /big =404; }`;
  const origin = await nginxServer(port, `server { listen 127.0.0.1:${port}; location = /alive { return 204; } ${location} }`);
  for (const pid of origin.pids) execFileSync('taskset', ['-a', '-p', '-c', '1', String(pid)], { stdio: 'ignore' });
  return origin;
}

async function beforeOrigin(start: (origin: string) => Promise<RunningServer>): Promise<RunningServer> {
  const origin = await startOrigin(1024);
  const server = await start(origin.url);
  return {
    ...server,
    stop: async () => {
      await server.stop();
      await origin.stop();
    },
  };
}

const load = { connections: 40 };

export function nodeProxy(name: string): ServerContender {
  return {
    kind: 'server',
    unavailable: missingNginx,
    start: () => beforeOrigin((origin) => nodeServer(file, [name, origin])),
    load,
  };
}

export const nginxProxy: ServerContender = {
  kind: 'server',
  unavailable: missingNginx,
  start: () =>
    beforeOrigin(async (origin) => {
      const port = await freePort();
      return nginxServer(
        port,
        `upstream site { server ${origin.slice(7)}; server localhost:${origin.split(':')[2]}; least_conn; keepalive 128; }
         server { listen 127.0.0.1:${port}; location / { proxy_pass http://site; proxy_http_version 1.1; proxy_set_header Connection '';
         proxy_set_header Host $host; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Forwarded-Proto $scheme; } }`,
      );
    }),
  load,
};
