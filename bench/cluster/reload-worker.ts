/** A worker of the reload bench: the whole gateway before an echoing origin. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';
import { joinCluster } from '../../src/cluster/index.ts';
import { createPolicy } from '../../src/policy/index.ts';
import { createSpillway } from '../../src/spillway.ts';

const worker = await joinCluster();
const origin = createServer((_, response) => response.end(`<p>${process.pid}</p>`));
const sockets = new WebSocketServer({ server: origin });
sockets.on('connection', (socket) => socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary })));
await new Promise<void>((resolve) => origin.listen(0, '127.0.0.1', resolve));
const { port } = origin.address() as AddressInfo;
const policy = createPolicy({
  upstreams: { site: { endpoints: [`http://127.0.0.1:${port}`] } },
  routes: { '/cached': { class: 'high' }, '/**': { class: 'api', cache: false } },
});
const spillway = createSpillway(policy, { handleToListenOn: worker.sockets.get('http')! });
worker.onDrain(async (signal) => {
  await spillway.drain(signal);
  await spillway.stop();
});
await spillway.start();
worker.ready();
