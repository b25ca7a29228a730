/** Requests that two servers may read in two ways, and other abuse: each with the answer the gateway gives. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { eventually } from '../servers/index.ts';
import { bodyOf, exchangeRaw, Origin, startSite, type Site } from './support.ts';

let origin: Origin;
let site: Site;
const seen: string[] = [];
let underWay = 0;

before(async () => {
  origin = await Origin.start(async (request, response) => {
    underWay++;
    const body = await bodyOf(request).catch(() => 'broken off');
    seen.push(`${request.method} ${request.url} ${body}`);
    underWay--;
    response.end('ok');
  });
  site = await startSite([origin.url], {
    gateway: { listen: { maxConnections: 50, headersTimeout: '1s', requestTimeout: '2s' } } as never,
  });
});
after(async () => {
  await site.stop();
  await origin.kill();
});

/** The statuses that come back, and what the origin was asked. */
async function attempt(bytes: string): Promise<{ statuses: string; asked: string[] }> {
  seen.length = 0;
  const answer = await exchangeRaw(site.port, Buffer.from(bytes, 'latin1'));
  const statuses = [...answer.matchAll(/HTTP\/1\.1 (\d{3})/g)].map((match) => match[1]).join(' ');
  await eventually('the origin has heard all of it', () => underWay === 0);
  return { statuses, asked: [...seen] };
}

const post = (fields: string, body: string): string => `POST /p HTTP/1.1\r\nHost: a\r\n${fields}\r\n\r\n${body}`;
const get = (fields: string): string => `GET /g HTTP/1.1\r\nHost: a\r\n${fields}\r\n\r\n`;
const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n';

describe('framing that could be read in two ways is refused, and nothing behind it is served', () => {
  const refused: Record<string, string> = {
    'Content-Length and Transfer-Encoding': post('Content-Length: 4\r\nTransfer-Encoding: chunked', `0\r\n\r\n${SMUGGLED}`),
    'Transfer-Encoding and Content-Length': post('Transfer-Encoding: chunked\r\nContent-Length: 4', `0\r\n\r\n${SMUGGLED}`),
    'two lengths': post('Content-Length: 0\r\nContent-Length: 4', SMUGGLED),
    'the same length twice': post('Content-Length: 4\r\nContent-Length: 4', `body${SMUGGLED}`),
    'a list of lengths': post('Content-Length: 4, 4', `body${SMUGGLED}`),
    'a signed length': post('Content-Length: +4', `body${SMUGGLED}`),
    'a negative length': post('Content-Length: -1', SMUGGLED),
    'a hexadecimal length': post('Content-Length: 0x4', `body${SMUGGLED}`),
    'a length with a space in it': post('Content-Length: 4 4', SMUGGLED),
    'a length past all numbers': post('Content-Length: 99999999999999999999', SMUGGLED),
    'a space before the colon': post('Transfer-Encoding : chunked', `0\r\n\r\n${SMUGGLED}`),
    'a folded field': post('X: a\r\n b', SMUGGLED),
    'a field that begins with a space': post(' Transfer-Encoding: chunked', `0\r\n\r\n${SMUGGLED}`),
    'bare line feeds': `POST /p HTTP/1.1\nHost: a\nContent-Length: 4\n\nbody${SMUGGLED}`,
    'one bare line feed': `POST /p HTTP/1.1\r\nHost: a\r\nX: a\nContent-Length: 4\r\n\r\nbody${SMUGGLED}`,
    'a bare carriage return': post('X: a\rContent-Length: 4', SMUGGLED),
    'a null byte in a field': post('X: a\0b', SMUGGLED),
    'an unknown coding': post('Transfer-Encoding: xchunked', `0\r\n\r\n${SMUGGLED}`),
    'a coding before chunked': post('Transfer-Encoding: gzip, chunked', `0\r\n\r\n${SMUGGLED}`),
    'a coding after chunked': post('Transfer-Encoding: chunked, identity', `0\r\n\r\n${SMUGGLED}`),
    'chunked twice': post('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked', `0\r\n\r\n${SMUGGLED}`),
    'chunked in HTTP/1.0': `POST /p HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${SMUGGLED}`,
    'two hosts': `GET /g HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n${SMUGGLED}`,
    'no host': `GET /g HTTP/1.1\r\n\r\n${SMUGGLED}`,
    'a host with a path': `GET /g HTTP/1.1\r\nHost: a/b\r\n\r\n${SMUGGLED}`,
    'a host with a user': `GET /g HTTP/1.1\r\nHost: u@a\r\n\r\n${SMUGGLED}`,
    'a list of hosts': `GET /g HTTP/1.1\r\nHost: a, b\r\n\r\n${SMUGGLED}`,
    'HTTP/0.9': `GET /g\r\n\r\n${SMUGGLED}`,
    'HTTP/3.0': `GET /g HTTP/3.0\r\nHost: a\r\n\r\n${SMUGGLED}`,
    'a space in the target': `GET /g x HTTP/1.1\r\nHost: a\r\n\r\n${SMUGGLED}`,
    'a method that is none': `G{T /g HTTP/1.1\r\nHost: a\r\n\r\n${SMUGGLED}`,
    'HTTP/2 without TLS': `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n`,
    'an escaped line end in the path': `GET /g%0d%0aX:%20y HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`,
  };
  for (const [name, bytes] of Object.entries(refused)) {
    test(name, async () => {
      const { statuses, asked } = await attempt(bytes);
      assert.match(statuses, /^(?:400|501)$/);
      assert.deepEqual(asked, []);
    });
  }

  test('a broken chunk breaks the request off at the origin too', async () => {
    for (const body of ['zz\r\nbody\r\n0\r\n\r\n', '4\r\nbodyX\r\n0\r\n\r\n', 'fffffffffffffffff\r\nbody', '4;\nbody']) {
      const { statuses, asked } = await attempt(post('Transfer-Encoding: chunked', body + SMUGGLED));
      assert.match(statuses, /^400$/, JSON.stringify(body));
      assert.ok(
        asked.every((request) => request === 'POST /p broken off'),
        asked.join(),
      );
    }
  });
});

test('what changes the protocol behind a request that waits for its answer takes nothing away, and leaves nothing behind', async () => {
  const answers: (() => void)[] = [];
  const slow = await Origin.start((_, response) => void answers.push(() => response.end('late')));
  const held = await startSite([slow.url]);
  try {
    for (const last of [
      'CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n',
      'GET /up HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n',
    ]) {
      const socket = connect(held.port, '127.0.0.1');
      socket.on('error', () => {});
      let heard = '';
      socket.on('data', (chunk) => (heard += String(chunk)));
      socket.write(`${post('Content-Length: 0', '')}${post('Content-Length: 0', '')}${last}`);
      await eventually('the origin is asked, or the connection is cut', () => answers.length === 3 || socket.destroyed);
      assert.equal(heard, '', 'no answer before those that are due');
      socket.destroy();
      await eventually('nothing is left', () => held.gateway.inFlight === 0 && held.gateway.connections === 0);
      for (const answer of answers.splice(0)) answer();
    }
  } finally {
    await held.stop();
    await slow.kill();
  }
});

test('a refused CONNECT or upgrade leaves no connection behind, whatever follows it, nor takes the server along', async () => {
  for (const refused of ['CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n', get('Connection: upgrade\r\nUpgrade: x\r\nHost: b')]) {
    const answer = await exchangeRaw(site.port, `${refused}${SMUGGLED.repeat(50)}`);
    assert.match(answer, /^HTTP\/1\.1 (?:405|400) /);
    const socket = connect(site.port, '127.0.0.1');
    await once(socket, 'connect');
    socket.write(refused);
    socket.resetAndDestroy();
  }
  await eventually('nothing is left', () => site.gateway.connections === 0);
});

describe('framing that is plain is passed on as it is', () => {
  test('pipelined requests are answered in order, each with its own body', async () => {
    const { statuses, asked } = await attempt(
      `${post('Content-Length: 4', 'body')}${post('Transfer-Encoding: chunked', '3\r\nabc\r\n0\r\n\r\n')}${get('Connection: close')}`,
    );
    assert.equal(statuses, '200 200 200');
    assert.deepEqual(asked.sort(), ['GET /g ', 'POST /p abc', 'POST /p body']);
  });

  test('a GET with a body keeps its body', async () => {
    const { asked } = await attempt(`GET /g HTTP/1.1\r\nHost: a\r\nContent-Length: 35\r\nConnection: close\r\n\r\n${SMUGGLED}`);
    assert.deepEqual(asked, [`GET /g ${SMUGGLED}`]);
  });

  test('what a client nominates as its connection’s own does not reach the origin, and takes nothing vital with it', async () => {
    const { asked, statuses } = await attempt(post('Connection: close, Content-Length, X\r\nX: 1\r\nContent-Length: 4', 'body'));
    assert.equal(statuses, '200');
    assert.deepEqual(asked, ['POST /p body']);
  });

  test('h2c is not offered: the request is served as HTTP/1.1', async () => {
    const { statuses, asked } = await attempt(
      get('Connection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__'),
    );
    assert.equal(statuses, '200');
    assert.equal(asked.length, 1);
  });
});

describe('abuse', () => {
  test('a head that comes drop by drop is given up', async () => {
    const socket = connect(site.port, '127.0.0.1');
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n');
    let answer = '';
    socket.on('data', (chunk) => (answer += String(chunk)));
    await once(socket, 'end');
    assert.match(answer, /^HTTP\/1\.1 408 /);
    socket.destroy();
  });

  test('a body that comes drop by drop is given up', async () => {
    const socket = connect(site.port, '127.0.0.1');
    socket.write(post('Content-Length: 100', 'x'));
    socket.resume();
    await once(socket, 'close');
  });

  test('a thousand fields are too many', async () => {
    const { statuses } = await attempt(get(Array.from({ length: 3000 }, (_, n) => `X-${n}: ${n}`).join('\r\n')));
    assert.equal(statuses, '431');
  });

  test('connections beyond the limit are closed, and those within it serve on', async () => {
    const sockets: Socket[] = [];
    for (let i = 0; i < 80; i++) sockets.push(connect(site.port, '127.0.0.1').on('error', () => {}));
    let closed = 0;
    for (const socket of sockets) socket.on('close', () => closed++).resume();
    await eventually('some were closed', () => closed >= 30);
    const served = sockets.find((socket) => !socket.destroyed)!;
    served.write(get('Connection: close'));
    await once(served, 'close');
    for (const socket of sockets) socket.destroy();
    await eventually('all are gone', () => site.gateway.connections === 0);
  });
});
