import { join } from 'node:path';
import { defineBench, nodeServer, type HttpLoad, type RunningServer, type ServerContender } from '../harness/index.ts';

const server = (name: string): string => join(import.meta.dirname, 'servers', `${name}.ts`);

function spillway(load: HttpLoad): ServerContender {
  const start = async (): Promise<RunningServer> => {
    const origin = await nodeServer(server('raw-http'));
    const cache = await nodeServer(server('spillway'), [origin.url]);
    return {
      ...cache,
      stop: async () => {
        await cache.stop();
        await origin.stop();
      },
    };
  };
  return { kind: 'server', start, load };
}

export default defineBench({
  name: 'page/not-modified',
  title: 'A cached page that the client has already',
  what: 'GET of one cached 10 KB page over 64 keep-alive connections: whole, in part, and with the entity tag that the client has, which is answered 304.',
  unit: 'request',
  baseline: 'whole page',
  rounds: 5,
  sliceMs: 2000,
  contenders: {
    'whole page': spillway({}),
    'If-None-Match, 304': spillway({ headers: { 'If-None-Match': '"5f3c1c7e9a4b"' } }),
    'Range, 206 of 1 KB': spillway({ headers: { Range: 'bytes=0-1023' } }),
  },
});
