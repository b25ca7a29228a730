import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A service behind Spillway: its pages carry a tag each and say how often they were rendered. */
export interface Origin {
  readonly url: string;
  /** How often each path was rendered. */
  readonly renders: Map<string, number>;
  stop(): Promise<void>;
  /** Listens again on the same port. */
  start(): Promise<void>;
}

export async function startOrigin(): Promise<Origin> {
  const renders = new Map<string, number>();
  let server: Server;
  let port = 0;
  const start = async (): Promise<void> => {
    server = createServer((request, response) => {
      const path = request.url!;
      const count = (renders.get(path) ?? 0) + 1;
      renders.set(path, count);
      response.writeHead(200, {
        'content-type': 'text/html; charset=utf-8',
        'cache-tag': `page${path.replaceAll('/', ':')}, pages`,
      });
      const body = `<!doctype html><title>${path}</title><p>render ${count}</p>${'<p>plan</p>'.repeat(200)}`;
      if (path.startsWith('/slow')) setTimeout(() => response.end(body), 400);
      else response.end(body);
    }).listen(port, '127.0.0.1');
    await once(server, 'listening');
    ({ port } = server.address() as AddressInfo);
  };
  await start();
  return {
    url: `http://127.0.0.1:${port}`,
    renders,
    start,
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
