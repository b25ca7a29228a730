/** What it costs to tell a client that its copy still holds, beside sending the page. */
import { defineBench, freePort, missingProgram, nginxServer, nodeServer, type RunningServer } from '../harness/index.ts';
import { behindOrigin, server } from './behind-origin.ts';

/** The entity tag of the page every server here sends. */
const unchanged = { headers: { 'If-None-Match': '"5f3c1c7e9a4b"' } };

const spillway = (): Promise<RunningServer> => behindOrigin((origin) => nodeServer(server('spillway'), [origin.url]));
const nginx = (): Promise<RunningServer> =>
  behindOrigin(async (origin) => {
    const port = await freePort();
    return nginxServer(
      port,
      `sendfile off; proxy_cache_path $folder/cache keys_zone=pages:10m;
       server { listen 127.0.0.1:${port}; location / { proxy_pass ${origin.url}; proxy_cache pages; proxy_cache_valid 200 1h; } }`,
    );
  });
const needsNginx = (): string | undefined => missingProgram('nginx', 'nginx-light');

export default defineBench({
  name: 'page/not-modified',
  title: 'A cached page the client has already',
  what: 'GET of one cached 10 KB page over 64 keep-alive connections: sent whole (200), and with If-None-Match of its entity tag (304). One process pinned to one core, load from the other.',
  unit: 'request',
  baseline: 'spillway 200',
  sliceMs: 2000,
  contenders: {
    'spillway 200': { kind: 'server', start: spillway },
    'spillway 304': { kind: 'server', start: spillway, load: unchanged },
    'nginx 200': { kind: 'server', unavailable: needsNginx, start: nginx },
    'nginx 304': { kind: 'server', unavailable: needsNginx, start: nginx, load: unchanged },
  },
});
