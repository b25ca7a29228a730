import { join } from 'node:path';
import {
  defineBench,
  freePort,
  missingProgram,
  nginxServer,
  nodeServer,
  type Bench,
  type RunningServer,
} from '../harness/index.ts';

const file = join(import.meta.dirname, 'cached-servers.ts');

async function behindOrigin(bytes: number, start: (origin: string) => Promise<RunningServer>): Promise<RunningServer> {
  const origin = await nodeServer(file, ['raw', String(bytes)]);
  const server = await start(origin.url);
  return {
    ...server,
    stop: async () => {
      await server.stop();
      await origin.stop();
    },
  };
}

/** A stored answer of `bytes` beside nginx's cache and a bare Node server. */
export function cachedBench(name: string, title: string, bytes: number, headers?: Readonly<Record<string, string>>): Bench {
  const load = headers ? { headers } : {};
  return defineBench({
    name,
    title,
    what: `GET of one stored answer of ${bytes.toLocaleString('en')} bytes over 64 keep-alive connections${headers ? ", with a browser's fields" : ''}. Spillway: the whole of it in one process, a limit by address and metrics on. nginx: one worker, proxy_cache on tmpfs, sendfile off. raw node:http: a static buffer. bare node:net: the finished bytes, written for whatever comes; no server on Node's sockets can do less.`,
    unit: 'request',
    baseline: 'nginx proxy_cache',
    sliceMs: 2000,
    contenders: {
      'nginx proxy_cache': {
        kind: 'server',
        unavailable: () => missingProgram('nginx', 'nginx-light'),
        load,
        start: () =>
          behindOrigin(bytes, async (origin) => {
            const port = await freePort();
            return nginxServer(
              port,
              `sendfile off; proxy_cache_path $folder/cache keys_zone=pages:10m; server { listen 127.0.0.1:${port};
               location / { proxy_pass ${origin}; proxy_cache pages; proxy_cache_valid 200 1h; add_header X-Cache $upstream_cache_status; } }`,
            );
          }),
      },
      spillway: {
        kind: 'server',
        load,
        start: () => behindOrigin(bytes, (origin) => nodeServer(file, ['spillway', String(bytes), origin])),
      },
      'raw node:http': { kind: 'server', load, start: () => nodeServer(file, ['raw', String(bytes)]) },
      'bare node:net': { kind: 'server', load, start: () => nodeServer(file, ['bare', String(bytes)]) },
    },
  });
}
