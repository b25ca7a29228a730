/** `websocket-servers.ts <name> [origin]`: an echoing origin, or a proxy in front of it. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createProxyServer } from 'http-proxy-3';
import { WebSocketServer } from 'ws';
import { createGateway, createProxy } from '../../src/gateway/index.ts';
import { createPolicy } from '../../src/policy/index.ts';

const [name, origin = ''] = process.argv.slice(2) as ['echo' | 'spillway' | 'http-proxy-3', string];

const SERVERS = {
  echo: async () => {
    const server = createServer((_, response) => response.end());
    const sockets = new WebSocketServer({ server, perMessageDeflate: false });
    sockets.on('connection', (socket) => socket.on('message', (data, binary) => socket.send(data, { binary })));
    return listen(server);
  },
  spillway: async () => {
    const policy = createPolicy({
      upstreams: { site: { endpoints: [origin] } },
      routes: { '/**': { class: 'api', cache: false } },
    });
    const proxy = createProxy({ upstreams: { site: { endpoints: [origin] } } });
    const gateway = createGateway({
      listen: { port: 0 },
      match: (method, path) => policy.match(method, path),
      handle: (exchange) => proxy.pass(exchange),
      handlePlain: (exchange) => proxy.passPlain(exchange),
      upgrade: (upgrade) => proxy.upgrade(upgrade),
    });
    await gateway.start();
    return gateway.address;
  },
  'http-proxy-3': async () => {
    const proxy = createProxyServer({ target: origin, ws: true, xfwd: true });
    proxy.on('error', () => {});
    const server = createServer((request, response) => proxy.web(request, response));
    server.on('upgrade', (request, socket, head) => proxy.ws(request, socket, head));
    return listen(server);
  },
};

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

process.send!({ url: await SERVERS[name]() });
