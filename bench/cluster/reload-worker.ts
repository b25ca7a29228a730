/** A worker of the reload bench: gateway, fast path, pages and proxy before an origin of its own. No shedding: it would refuse. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';
import { createCache } from '../../src/cache/index.ts';
import { joinCluster } from '../../src/cluster/index.ts';
import { createGateway, createProxy } from '../../src/gateway/index.ts';
import { createPages, pageCodec, type PageEntry } from '../../src/page/index.ts';
import { createPolicy } from '../../src/policy/index.ts';

const worker = await joinCluster();
const origin = createServer((_, response) => response.end(`<p>${process.pid}</p>`));
const sockets = new WebSocketServer({ server: origin });
sockets.on('connection', (socket) => socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary })));
await new Promise<void>((resolve) => origin.listen(0, '127.0.0.1', resolve));
const { port } = origin.address() as AddressInfo;
const upstreams = { site: { endpoints: [`http://127.0.0.1:${port}`] } };
const policy = createPolicy({ upstreams, routes: { '/cached': { class: 'high' }, '/**': { class: 'api', cache: false } } });
const proxy = createProxy({ upstreams });
const store = createCache<PageEntry>({ name: 'pages', codec: pageCodec });
const pages = createPages({}, { store });
const gateway = createGateway({
  match: (method, path) => policy.match(method, path),
  handle: (exchange) => (exchange.route.cache ? pages.serve(exchange, proxy) : proxy.pass(exchange)),
  upgrade: (upgrade) => proxy.upgrade(upgrade),
  prepared: pages.prepared,
  handleToListenOn: worker.sockets.get('http')!,
});
worker.onDrain(async (signal) => void (await Promise.all([gateway.drain(signal), proxy.drain(signal)])));
await gateway.start();
worker.ready();
