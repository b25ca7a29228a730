import { once } from 'node:events';
import { createServer, request as httpRequest, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { systemClock } from '../../../src/kernel/index.ts';
import type { Pages } from '../../../src/page/index.ts';
import type { PageCachePolicy, RoutePolicy } from '../../../src/policy/index.ts';
import type { Exchange, Upstream } from '../../../src/ports/index.ts';

/** The policy of a critical page unless a test says otherwise. */
export function routePolicy(cache: Partial<PageCachePolicy> | undefined = {}, rest: Partial<RoutePolicy> = {}): RoutePolicy {
  return {
    pattern: '/**',
    className: 'critical',
    priority: 'critical',
    upstream: 'site',
    cache: {
      freshness: 'policy',
      revalidateMs: 900_000,
      memoryTtlMs: 300_000,
      storeTtlMs: 7_200_000,
      graceMs: 86_400_000,
      forceAfterMs: 86_400_000,
      query: [],
      varyHeaders: [],
      varyCookies: [],
      ...cache,
    },
    headers: { cacheControl: undefined, cdnCacheControl: undefined, surrogateControl: undefined },
    tags: [],
    limits: [],
    timeoutMs: 10_000,
    sloP95Ms: undefined,
    provenance: {},
    ...rest,
  };
}

export interface PageServer {
  readonly port: number;
  readonly authority: string;
  readonly server: Server;
  close(): Promise<void>;
}

/** A small gateway: every request goes to `pages` with the route and parameters `match` gives. */
export async function startPageServer(
  pages: Pick<Pages, 'serve'>,
  upstream: Upstream,
  match: (path: string) => { route: RoutePolicy; params: Record<string, string> },
): Promise<PageServer> {
  let counted = 0;
  const server = createServer((request, response) => {
    const target = request.url!;
    const at = target.indexOf('?');
    const path = at < 0 ? target : target.slice(0, at);
    const exchange: Exchange = {
      ...match(path),
      request,
      response,
      method: request.method!,
      scheme: 'http',
      authority: request.headers.host ?? 'localhost',
      path,
      query: at < 0 ? '' : target.slice(at + 1),
      clientIp: '127.0.0.1',
      requestId: `r${++counted}`,
      startedMs: systemClock.monotonic(),
    };
    pages.serve(exchange, upstream);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    port,
    authority: `127.0.0.1:${port}`,
    server,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

export interface ClientAnswer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
  readonly text: string;
  readonly information: { status: number; headers: IncomingMessage['headers'] }[];
}

export interface ClientRequest {
  readonly method?: string;
  readonly headers?: Record<string, string | string[]>;
  readonly body?: string;
}

/** One request on a connection of its own. Rejects when the answer breaks off. */
export function ask(
  port: number,
  target: string,
  { method = 'GET', headers = {}, body }: ClientRequest = {},
): Promise<ClientAnswer> {
  return new Promise((resolve, reject) => {
    const information: ClientAnswer['information'] = [];
    const sent = httpRequest({ host: '127.0.0.1', port, path: target, method, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const whole = Buffer.concat(chunks);
        resolve({ status: response.statusCode!, headers: response.headers, body: whole, text: whole.toString(), information });
      });
    });
    sent.on('information', (info) => information.push({ status: info.statusCode, headers: info.headers }));
    sent.on('error', reject);
    sent.end(body);
  });
}
