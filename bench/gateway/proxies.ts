/** `proxies.ts <name> <origin>`: one reverse proxy on a port of its choice, for the bench. Same work: pass GETs to one origin. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import httpProxy from '@fastify/http-proxy';
import fastProxy from 'fast-proxy';
import fastify from 'fastify';
import { createProxyServer } from 'http-proxy-3';
import { createProxyServer as createHttpxy } from 'httpxy';
import { Pool } from 'undici';
import { createGateway, createProxy } from '../../src/gateway/index.ts';
import { createPolicy } from '../../src/policy/index.ts';
import { Agent } from 'node:http';
import { answerProfileQuestions } from './self-profile.ts';

const [name, origin] = process.argv.slice(2) as [keyof typeof PROXIES, string];

const PROXIES = {
  /** Balancing, outliers, metrics by class, limits, forwarding fields, request ids: as it is shipped. */
  spillway: async () => {
    const policy = createPolicy({
      upstreams: { site: { endpoints: [origin] } },
      routes: { '/**': { class: 'api', cache: false } },
    });
    const proxy = createProxy({ upstreams: { site: { endpoints: [origin, origin.replace('127.0.0.1', 'localhost')] } } });
    const gateway = createGateway({
      listen: { port: 0 },
      match: (method, path) => policy.match(method, path),
      handle: (exchange) => proxy.pass(exchange),
      handlePlain: (exchange) => proxy.passPlain(exchange),
    });
    await gateway.start();
    return gateway.address;
  },

  /** As little as can be done with undici: no balancing, no metrics, headers as they come. */
  undici: async () => {
    const pool = new Pool(origin, { connections: 128 });
    return listen(
      createServer((request, response) => {
        pool.dispatch(
          { method: 'GET', path: request.url!, headers: request.headers },
          {
            onRequestStart: () => {},
            onResponseStart: (_, status, headers) => void response.writeHead(status, headers),
            onResponseData: (_, chunk) => void response.write(chunk),
            onResponseEnd: () => void response.end(),
            onResponseError: () => void response.destroy(),
          },
        );
      }),
    );
  },

  'fast-proxy': async () => {
    const { proxy } = fastProxy({ base: origin, undici: { connections: 128, pipelining: 1 } });
    return listen(createServer((request, response) => proxy(request as never, response as never, request.url!, {})));
  },

  '@fastify/http-proxy': async () => {
    const app = fastify();
    await app.register(httpProxy, { upstream: origin, undici: { connections: 128 } });
    return app.listen({ port: 0, host: '127.0.0.1' });
  },

  httpxy: async () => {
    const proxy = createHttpxy({ target: origin, xfwd: true, agent: new Agent({ keepAlive: true, maxSockets: 128 }) });
    return listen(createServer((request, response) => void proxy.web(request, response)));
  },

  'http-proxy-3': async () => {
    const proxy = createProxyServer({ target: origin, xfwd: true, agent: new Agent({ keepAlive: true, maxSockets: 128 }) });
    return listen(createServer((request, response) => proxy.web(request, response)));
  },
};

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

answerProfileQuestions();
process.send!({ url: await PROXIES[name]() });
