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
  pinBesideLoad(origin);
  return origin;
}

/** Takes large bodies to their end. */
async function startUploadOrigin(): Promise<RunningServer> {
  const origin = await nodeServer(join(import.meta.dirname, 'upload-origin.ts'));
  pinBesideLoad(origin);
  return origin;
}

function pinBesideLoad({ pids }: RunningServer): void {
  for (const pid of pids) execFileSync('taskset', ['-a', '-p', '-c', '1', String(pid)], { stdio: 'ignore' });
}

async function before(
  starting: Promise<RunningServer>,
  start: (origin: string) => Promise<RunningServer>,
): Promise<RunningServer> {
  const origin = await starting;
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
    start: () => before(startOrigin(bytes), (origin) => nodeServer(file, [name, origin])),
    load: { connections },
  };
}

export function nodeUploadProxyOf(name: string, uploadBytes: number, connections: number): ServerContender {
  return {
    kind: 'server',
    start: () => before(startUploadOrigin(), (origin) => nodeServer(file, [name, origin])),
    load: { connections, uploadBytes },
  };
}

/** nginx keeps what does not fit its buffers in files unless it is told not to: it is told. */
export function nginxProxyOf(bytes: number, connections: number): ServerContender {
  return {
    kind: 'server',
    unavailable: missingNginx,
    start: () => before(startOrigin(bytes), (origin) => nginxBefore(origin, 'proxy_max_temp_file_size 0; proxy_buffers 16 32k;')),
    load: { connections },
  };
}

export function nginxUploadProxyOf(uploadBytes: number, connections: number): ServerContender {
  const settings = 'client_max_body_size 0; client_body_buffer_size 128k; proxy_request_buffering off;';
  return {
    kind: 'server',
    unavailable: missingNginx,
    start: () => before(startUploadOrigin(), (origin) => nginxBefore(origin, settings)),
    load: { connections, uploadBytes },
  };
}

async function nginxBefore(origin: string, settings: string): Promise<RunningServer> {
  const port = await freePort();
  return nginxServer(
    port,
    `${settings} upstream site { server ${origin.slice(7)}; server localhost:${origin.split(':')[2]}; least_conn; keepalive 128; }
     server { listen 127.0.0.1:${port}; location / { proxy_pass http://site; proxy_http_version 1.1; proxy_set_header Connection '';
     proxy_set_header Host $host; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Forwarded-Proto $scheme; } }`,
  );
}
