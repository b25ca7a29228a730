/** `websocket-servers.ts <name> [origin]`: an echoing origin, or a proxy in front of it. */
import { createServer } from 'node:http';
import {
  connect,
  createServer as createNetServer,
  Socket,
  type AddressInfo,
  type OnReadOpts,
  type Server as NetServer,
} from 'node:net';
import { createProxyServer } from 'http-proxy-3';
import { WebSocketServer } from 'ws';
import { createGateway, createProxy } from '../../src/gateway/index.ts';
import { createPolicy } from '../../src/policy/index.ts';

const [name, origin = ''] = process.argv.slice(2) as [keyof typeof SERVERS, string];

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
  /** The floor for Node: two sockets read into one buffer and written to, and nothing else. It knows no HTTP. */
  'bare pipe': async () => {
    const buffer = Buffer.allocUnsafeSlow(65_536);
    const pipeTo = (other: () => Socket): OnReadOpts => ({
      buffer,
      callback: (length) => other().write(buffer.toString('latin1', 0, length), 'latin1') || true,
    });
    const { hostname, port } = new URL(origin);
    return listen(
      createNetServer({ pauseOnConnect: true, noDelay: true }, (accepted) => {
        const upstream: Socket = connect({ host: hostname, port: Number(port), noDelay: true, onread: pipeTo(() => client) });
        // Node reads an accepted socket into a buffer of ours only if it is made anew round its handle.
        const handle = (accepted as unknown as { _handle: object })._handle;
        const client = new Socket({ handle, onread: pipeTo(() => upstream) } as object);
        for (const [one, other] of [
          [client, upstream],
          [upstream, client],
        ] as const) {
          one.on('error', () => {});
          one.on('close', () => other.destroy());
        }
        client.resume();
      }),
    );
  },
};

async function listen(server: NetServer): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

process.send!({ url: await SERVERS[name]() });
