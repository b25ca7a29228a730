import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { WebSocket, WebSocketServer } from 'ws';
import { eventually } from '../servers/index.ts';
import { exchangeRaw, Origin, startSite, type Site } from './support.ts';

let origin: Origin;
let site: Site;
const closedAtOrigin: number[] = [];

before(async () => {
  origin = await Origin.start((_, response) => {
    response.writeHead(403);
    response.end('no upgrade here');
  });
  const sockets = new WebSocketServer({ noServer: true });
  origin.server.on('upgrade', (request, socket, head) => {
    if (request.url === '/refused') socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno');
    else
      sockets.handleUpgrade(request, socket, head, (webSocket) => {
        webSocket.on('message', (data, isBinary) => webSocket.send(data, { binary: isBinary }));
        webSocket.on('close', (code) => closedAtOrigin.push(code));
        if (request.url === '/headers') webSocket.send(JSON.stringify(request.headers));
      });
  });
  site = await startSite([origin.url]);
});
after(async () => {
  await site.stop();
  await origin.kill();
});

async function open(path = '/'): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${site.port}${path}`);
  await once(socket, 'open');
  return socket;
}

describe('WebSockets pass through', () => {
  test('messages of every size, both ways, and the close with its code', async () => {
    const socket = await open();
    for (const size of [0, 1, 125, 126, 65_535, 65_536, 3_000_000]) {
      socket.send(Buffer.alloc(size, size % 251));
      const [data] = (await once(socket, 'message')) as [Buffer];
      assert.equal(data.length, size);
    }
    socket.close(4001, 'done');
    const [code] = (await once(socket, 'close')) as [number];
    assert.equal(code, 4001);
    await eventually('the origin heard the code', () => closedAtOrigin.includes(4001));
    await eventually('nothing is left open', () => site.proxy.tunnels === 0 && site.gateway.connections === 0);
    const counted = await new Promise((resolve) => site.gateway.server.getConnections((_, count) => resolve(count)));
    assert.equal(counted, 0, 'the server, too, knows that they are gone');
    assert.equal(site.proxy.balancers.get('site')!.endpoints[0]!.inFlight, 0);
  });

  test('the origin sees who the client is', async () => {
    const socket = new WebSocket(`ws://127.0.0.1:${site.port}/headers`, { headers: { 'x-forwarded-for': '6.6.6.6' } });
    const [message] = (await once(socket, 'message')) as [Buffer];
    const headers = JSON.parse(String(message)) as Record<string, string>;
    assert.equal(headers['x-forwarded-for'], '127.0.0.1');
    assert.equal(headers['host'], `127.0.0.1:${site.port}`);
    socket.terminate();
  });

  test('a refusal of the origin reaches the client, and nothing behind it reaches the origin', async () => {
    const before = origin.requests;
    const answer = await exchangeRaw(
      site.port,
      'GET /refused HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n' +
        'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n',
    );
    assert.match(answer, /^HTTP\/1\.1 403 /);
    assert.equal(origin.requests, before);
  });

  test('an origin that cannot be reached is a 502', async () => {
    const lonely = await startSite(['http://127.0.0.1:1']);
    const answer = await exchangeRaw(
      lonely.port,
      'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
    );
    assert.match(answer, /^HTTP\/1\.1 502 .*application\/problem\+json/s);
    await lonely.stop();
  });

  test('a client that vanishes is noticed at the origin', async () => {
    const before = closedAtOrigin.length;
    const socket = await open();
    socket.terminate();
    await eventually('the origin saw it go', () => closedAtOrigin.length === before + 1);
  });

  test('a gateway that stops at once cuts them on both sides', async () => {
    const other = await startSite([origin.url]);
    const before = closedAtOrigin.length;
    const socket = new WebSocket(`ws://127.0.0.1:${other.port}/`);
    await once(socket, 'open');
    socket.send('here');
    await once(socket, 'message');
    const closed = once(socket, 'close');
    await other.gateway.stop();
    assert.deepEqual((await closed)[0], 1006);
    await eventually('the origin saw it go', () => closedAtOrigin.length === before + 1);
    await eventually('nothing is left open', () => other.proxy.tunnels === 0 && other.gateway.connections === 0);
    await other.stop();
  });

  test('a side that does not read holds the other back, and in the end gets all of it and nothing of others', async () => {
    const bytes = Buffer.from(Uint32Array.from({ length: 8_000_000 }, (_, at) => Math.imul(at, 2_654_435_761)).buffer);
    const socket = await open();
    socket.pause();
    socket.send(bytes);
    await eventually('its own echo is held back', async () => {
      const before = socket.bufferedAmount;
      // That nothing moves is only seen by watching for a while.
      await delay(200);
      return socket.bufferedAmount === before;
    });
    const other = await open();
    for (let i = 0; i < 5; i++) {
      other.send(Buffer.alloc(100_000, 255));
      await once(other, 'message');
    }
    other.terminate();
    socket.resume();
    const [echo] = (await once(socket, 'message')) as [Buffer];
    assert.ok(echo.equals(bytes));
    socket.terminate();
  });

  test('draining closes them by the protocol, between two frames', async () => {
    const other = await startSite([origin.url]);
    const sockets = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const socket = new WebSocket(`ws://127.0.0.1:${other.port}/`);
        await once(socket, 'open');
        return socket;
      }),
    );
    for (const socket of sockets) {
      socket.on('message', () => socket.readyState === socket.OPEN && socket.send(Buffer.alloc(100_000)));
      socket.send(Buffer.alloc(100_000));
    }
    const codes = Promise.all(sockets.map(async (socket) => ((await once(socket, 'close')) as [number])[0]));
    await other.proxy.drain(new AbortController().signal, 50);
    assert.deepEqual([...new Set(await codes)], [1012]);
    await other.stop();
  });
});

test('CONNECT is refused', async () => {
  assert.match(
    await exchangeRaw(site.port, 'CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n'),
    /^HTTP\/1\.1 405 /,
  );
});

test('server-sent events come through as they are sent', async () => {
  const events = await Origin.start((_, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write('data: 1\n\n');
  });
  const stream = await startSite([events.url]);
  const client = connect(stream.port, '127.0.0.1');
  client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  let text = '';
  client.on('data', (chunk) => (text += String(chunk)));
  await eventually('the first event is here although the answer goes on', () => text.includes('data: 1'));
  client.destroy();
  await stream.stop();
  await events.kill();
});
