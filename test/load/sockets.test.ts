/** Clients that stay connected, against real servers made with `ws` and node:http. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { WebSocketServer, type WebSocket } from 'ws';
import { constant, defineLoad, runLoad, type LiveSockets, type LoadOptionsInput, type LoadReport } from '../../src/load/index.ts';

/** A server that hands every message to all its clients; `join` sees each client. */
async function chat(
  sockets: Omit<LiveSockets, 'path'>,
  rate: string,
  options: LoadOptionsInput = {},
  join: (client: WebSocket, all: Set<WebSocket>) => void = () => {},
): Promise<LoadReport> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  server.on('connection', (client) => {
    join(client, server.clients);
    client.on('error', () => {});
    client.on('message', (data, isBinary) => {
      for (const other of server.clients) other.send(data, { binary: isBinary });
    });
  });
  try {
    const target = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    return await runLoad(
      defineLoad({ target, arrival: constant(rate).for('1s'), sockets: { path: '/live', ramp: '300ms', ...sockets } }),
      options,
    );
  } finally {
    for (const client of server.clients) client.terminate();
    server.close();
  }
}

test('every delivery of a broadcast is measured, and none is missing', async () => {
  // The last one comes in half a second before the first message, however busy the machine is.
  const report = await chat({ count: 4, fanOut: 4, ramp: '2s' }, '50/s');
  assert.equal(report.requests['connect']!.completed, 4);
  assert.equal(report.requests['message']!.sent, 50);
  assert.equal(report.requests['delivery']!.completed, 200);
  assert.ok(report.requests['delivery']!.latency.p50! < 1000);
  assert.deepEqual(report.errors, {});
  assert.equal(report.peakInFlight, 4);
  assert.equal(report.durationMs, 3000);
});

test('what does not arrive is lost', async () => {
  const report = await chat({ count: 4, fanOut: 5 }, '20/s');
  assert.deepEqual(report.errors, { lost: 20 });
});

test('workers measure what the others sent', async () => {
  const report = await chat({ count: 6, fanOut: 6 }, '20/s', { workers: 2 });
  assert.equal(report.requests['delivery']!.completed, 120);
  assert.deepEqual(report.errors, {});
  assert.ok(report.requests['delivery']!.latency.max! < 5000, 'their clocks agree');
});

test('subscriptions are sent, pings are answered, large and broken-up messages are read', async () => {
  const heard: string[] = [];
  let pongs = 0;
  const report = await chat(
    {
      count: 2,
      subscribe: (socket) => [`subscribe ${socket}`],
      message: (stamp, index) => JSON.stringify({ index, stamp, padding: 'x'.repeat(index === 0 ? 100_000 : 300) }),
    },
    '5/s',
    {},
    (client) => {
      client.on('message', (data) => heard.push((data as Buffer).toString().slice(0, 11)));
      client.on('pong', () => pongs++);
      client.ping('hello');
      client.send('first, ', { fin: false });
      client.send('second', { fin: true });
    },
  );
  assert.ok(heard.includes('subscribe 0') && heard.includes('subscribe 1'));
  assert.equal(pongs, 2);
  assert.equal(report.requests['delivery']!.completed, 10);
});

test('after a storm everybody comes back, and how long that took is known', async () => {
  const report = await chat({ count: 40, storms: [{ at: '300ms', share: 0.5, within: '100ms' }] }, '20/s');
  assert.equal(report.requests['reconnect']!.completed, 20);
  assert.equal(report.requests['connection'], undefined, 'and the server is not blamed for it');
});

test('clients the server turns away are failures, and come back', async () => {
  let turnedAway = 0;
  const report = await chat({ count: 4 }, '10/s', {}, (client) => {
    if (turnedAway++ === 0) setImmediate(() => client.close(1013));
  });
  assert.equal(report.requests['connection']!.errors['closed'], 1);
});

test('slow clients are told apart', async () => {
  const report = await chat({ count: 10, slow: { share: 0.5, pause: '100ms' }, fanOut: 10 }, '50/s', { seed: 3 });
  const [quick, slow] = [report.requests['delivery']!, report.requests['slow delivery']!];
  assert.ok(quick.completed > 0 && slow.completed > 0);
  assert.ok(slow.latency.p50! > quick.latency.p50!, `${slow.latency.p50} against ${quick.latency.p50}`);
});

test('server-sent events: messages are posted and arrive as events', async () => {
  const streams = new Set<ServerResponse>();
  const server = createServer((request, response) => {
    if (request.method === 'GET') {
      streams.add(response.writeHead(200, { 'content-type': 'text/event-stream' }));
      response.flushHeaders();
      request.on('close', () => streams.delete(response));
      return;
    }
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      for (const stream of streams) stream.write(`: comment\r\nevent: news\r\ndata: ${body}\r\n\r\n`);
      response.writeHead(204).end();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const target = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const sockets: LiveSockets = { protocol: 'sse', path: '/events', count: 5, ramp: '100ms', post: '/publish', fanOut: 5 };
  const report = await runLoad(defineLoad({ target, arrival: constant('30/s').for('1s'), sockets }));
  server.closeAllConnections();
  server.close();
  assert.equal(report.requests['message']!.completed, 30);
  assert.equal(report.requests['delivery']!.completed, 150);
  assert.deepEqual(report.errors, {});
});

test('a server that speaks no WebSocket is a protocol error', async () => {
  const server = createServer((_request, response) => response.end('hello')).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const target = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const report = await runLoad(defineLoad({ target, arrival: constant('1/s').for('200ms'), sockets: { path: '/', count: 3 } }));
  server.closeAllConnections();
  server.close();
  assert.equal(report.requests['connect']!.errors['protocol'], 3);
  assert.equal(report.verdict.exitCode, 97);
});
