import { defineBench, freePort, missingProgram, nginxServer, nodeServer, varnishServer } from '../harness/index.ts';
import { behindOrigin, server } from './behind-origin.ts';

export default defineBench({
  name: 'page/cached-page',
  title: 'A cached 10 KB page',
  what: 'GET of one cached 10 KB HTML page over 64 keep-alive connections, one process pinned to one core, load from the other. Every cache answers from memory with the same body and the same headers as the origin; raw node:http writes a static buffer and knows nothing of caching.',
  unit: 'request',
  baseline: 'raw node:http',
  sliceMs: 3000,
  contenders: {
    'raw node:http': { kind: 'server', start: () => nodeServer(server('raw-http')) },
    spillway: { kind: 'server', start: () => behindOrigin((origin) => nodeServer(server('spillway'), [origin.url])) },
    'Fastify + @fastify/caching': { kind: 'server', start: () => nodeServer(server('fastify-caching')) },
    'undici cache interceptor': {
      kind: 'server',
      start: () => behindOrigin((origin) => nodeServer(server('undici-interceptor'), [origin.url])),
    },
    'nginx proxy_cache': {
      kind: 'server',
      unavailable: () => missingProgram('nginx', 'nginx-light'),
      start: () =>
        behindOrigin(async (origin) => {
          const port = await freePort();
          // Cache on tmpfs without sendfile: the fastest of the settings tried for bodies of this size.
          return nginxServer(
            port,
            `sendfile off; proxy_cache_path $folder/cache keys_zone=pages:10m;
             server { listen 127.0.0.1:${port}; location / { proxy_pass ${origin.url}; proxy_cache pages; proxy_cache_valid 200 1h; } }`,
          );
        }),
    },
    Varnish: {
      kind: 'server',
      unavailable: () => missingProgram('varnishd', 'varnish'),
      start: () => behindOrigin(async (origin) => varnishServer(await freePort(), Number(new URL(origin.url).port))),
    },
  },
});
