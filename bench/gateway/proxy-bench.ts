import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { freePort, missingProgram, nginxServer, nodeServer, type RunningServer, type ServerContender } from '../harness/index.ts';

const file = join(import.meta.dirname, 'proxies.ts');
const missingNginx = (): string | undefined => missingProgram('nginx', 'nginx-light');

/** What all of them stand before: nginx sending bytes it holds, on the core of the load generator. */
export async function startOrigin(bytes: number): Promise<RunningServer> {
  const port = await freePort();
  const small = bytes <= 1024;
  const location = small
    ? `location / { default_type text/plain; return 200 '${'x'.repeat(bytes)}'; }`
    : `location / { default_type text/plain; root $folder; try_files /big =404; }`;
  const server = `sendfile on; server { listen 127.0.0.1:${port}; ${location} }`;
  const origin = await nginxServer(port, server, small ? {} : { big: Buffer.alloc(bytes, 'x') });
  for (const pid of origin.pids) execFileSync('taskset', ['-a', '-p', '-c', '1', String(pid)], { stdio: 'ignore' });
  return origin;
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

export function nodeProxyOf(name: string, bytes: number, connections: number): ServerContender {
  return {
    kind: 'server',
    unavailable: missingNginx,
    start: () => beforeOrigin(bytes, (origin) => nodeServer(file, [name, origin])),
    load: { connections },
  };
}

/** nginx keeps what does not fit its buffers in files unless it is told not to: it is told. */
export function nginxProxyOf(bytes: number, connections: number): ServerContender {
  return {
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
  };
}
