/** A WebSocket server that answers each message to its sender. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';

const server = createServer();
new WebSocketServer({ server, perMessageDeflate: false }).on('connection', (client) => {
  client.on('error', () => {});
  client.on('message', (data, binary) => client.send(data, { binary }));
});
server.listen(0, '127.0.0.1', 4096, () => process.send!({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }));
