import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import {
  createGateway,
  createProxy,
  type Gateway,
  type GatewayConnections,
  type GatewayOptions,
  type Proxy,
  type ProxyOptions,
} from '../../src/gateway/index.ts';
import { Metrics, type Runtime } from '../../src/kernel/index.ts';
import type { RoutePolicy } from '../../src/policy/index.ts';

/** A route to `upstream` with nothing special about it. */
export function routeTo(upstream: string | undefined, extra: Partial<RoutePolicy> = {}): RoutePolicy {
  return {
    pattern: '/**',
    className: 'normal',
    priority: 'normal',
    upstream,
    cache: undefined,
    headers: { cacheControl: undefined, cdnCacheControl: undefined, surrogateControl: undefined },
    tags: [],
    limits: [],
    timeoutMs: 5000,
    sloP95Ms: undefined,
    provenance: {},
    ...extra,
  };
}

/** A real HTTP server on loopback. */
export class Origin {
  readonly server: Server;
  readonly sockets = new Set<Socket>();
  requests = 0;

  constructor(listener: RequestListener) {
    this.server = createServer((request, response) => {
      this.requests++;
      listener(request, response);
    });
    this.server.on('connection', (socket: Socket) => {
      this.sockets.add(socket);
      socket.once('close', () => this.sockets.delete(socket));
    });
  }

  static async start(listener: RequestListener, port = 0): Promise<Origin> {
    const origin = new Origin(listener);
    origin.server.listen(port, '127.0.0.1');
    await once(origin.server, 'listening');
    return origin;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** As if its process had been killed. */
  async kill(): Promise<void> {
    const closed = once(this.server, 'close');
    this.server.close();
    for (const socket of this.sockets) socket.resetAndDestroy();
    await closed;
  }
}

export interface Site {
  readonly gateway: Gateway;
  readonly proxy: Proxy;
  readonly metrics: Metrics;
  readonly port: number;
  stop(): Promise<void>;
}

interface SiteOptions {
  readonly gateway?: GatewayOptions & Partial<GatewayConnections>;
  readonly upstream?: Partial<ProxyOptions['upstreams'][string]>;
  readonly maxBodyBytes?: string;
  readonly proxy?: Partial<ProxyOptions>;
  readonly route?: Partial<RoutePolicy>;
  readonly runtime?: Partial<Runtime>;
  /** Plain requests, too, go through Node's HTTP server. */
  readonly httpServerOnly?: boolean;
}

/** A gateway whose every route passes to the endpoints given. */
export async function startSite(endpoints: readonly string[], options: SiteOptions = {}): Promise<Site> {
  const metrics = new Metrics();
  const runtime = { metrics, ...options.runtime };
  const proxy = createProxy(
    {
      upstreams: { site: { endpoints: [...endpoints], ...options.upstream } },
      ...options.proxy,
      ...(options.maxBodyBytes && { maxBodyBytes: options.maxBodyBytes }),
    },
    runtime,
  );
  const route = routeTo('site', options.route);
  const gateway = createGateway(
    {
      match: () => ({ route, params: {} }),
      handle: (exchange) => proxy.pass(exchange),
      ...(!options.httpServerOnly && { handlePlain: (exchange) => proxy.passPlain(exchange) }),
      upgrade: (upgrade) => proxy.upgrade(upgrade),
      ...options.gateway,
      listen: { port: 0, ...options.gateway?.listen },
    },
    runtime,
  );
  await gateway.start();
  return {
    gateway,
    proxy,
    metrics,
    port: Number(new URL(gateway.address).port),
    stop: async () => {
      await gateway.stop();
      await proxy.stop();
    },
  };
}

/** A certificate nobody signed, and its key; `remove` them in the end. */
export function ownCertificate(): { readonly tls: { cert: string; key: string }; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), 'spillway-tls-'));
  const tls = { cert: join(folder, 'own.crt'), key: join(folder, 'own.key') };
  const request = 'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=a';
  execFileSync('openssl', [...request.split(' '), '-keyout', tls.key, '-out', tls.cert], { stdio: 'ignore' });
  return { tls, remove: () => rmSync(folder, { recursive: true }) };
}

/** A connection to speak HTTP/1.1 on, over TLS where the address says so. */
export async function dial(address: string): Promise<Socket> {
  const { protocol, hostname: host, port } = new URL(address);
  const to = { host, port: Number(port) };
  const isSecure = protocol === 'https:';
  const socket = isSecure ? connectTls({ ...to, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] }) : connect(to);
  socket.setNoDelay(true);
  await once(socket, isSecure ? 'secureConnect' : 'connect');
  return socket;
}

/** Sends bytes as they are and returns everything that comes back until the other side closes. */
export async function exchangeRaw(port: number, bytes: string | Buffer): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let answer = '';
  socket.on('data', (chunk) => (answer += chunk.toString('latin1')));
  socket.write(bytes);
  await Promise.race([once(socket, 'close'), once(socket, 'end')]);
  socket.destroy();
  return answer;
}

export async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = '';
  for await (const chunk of request) body += String(chunk);
  return body;
}
