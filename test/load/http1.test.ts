/** The HTTP/1.1 client against real sockets that behave, misbehave and vanish. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createHttp } from 'node:http';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { test } from 'node:test';
import {
  constant,
  defineLoad,
  runLoad,
  users,
  type LoadDefinition,
  type LoadOptionsInput,
  type LoadReport,
} from '../../src/load/index.ts';

async function listen(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Runs a load against a TCP server that handles every connection by `serve`. */
async function loadOn(
  serve: (socket: Socket) => void,
  options: LoadOptionsInput = {},
  arrival: LoadDefinition['arrival'] = constant('200/s').for('250ms'),
): Promise<LoadReport> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    serve(socket);
  });
  const target = await listen(server);
  try {
    return await runLoad(defineLoad({ target, arrival }), { connections: 4, timeout: '300ms', ...options });
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
  }
}

/** Calls `answer` for each request head that comes in. */
function eachRequest(socket: Socket, answer: (nth: number) => void): void {
  let text = '';
  let nth = 0;
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1');
    for (let end = text.indexOf('\r\n\r\n'); end >= 0; end = text.indexOf('\r\n\r\n')) {
      text = text.slice(end + 4);
      answer(nth++);
    }
  });
}

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

test('connections are kept, and the last one used is used first', async () => {
  const used = new Set<Socket>();
  const report = await loadOn(
    (socket) => eachRequest(socket, () => (used.add(socket), socket.write(OK))),
    {},
    users(1).for('250ms'),
  );
  assert.ok(report.completed > 10);
  assert.equal(report.generator.connectionsOpened, 4);
  assert.equal(used.size, 1, 'one user needs one of four connections');
});

test('without keep-alive every request has a connection of its own', async () => {
  const report = await loadOn((socket) => eachRequest(socket, () => socket.write(OK)), { keepAlive: false });
  assert.equal(report.planned, 50);
  assert.equal(report.completed, 50);
  assert.equal(report.generator.connectionsOpened, 50);
});

test('pipelined requests are answered in order', async () => {
  const report = await loadOn(
    (socket) => eachRequest(socket, () => socket.write(OK)),
    { pipelining: 8, connections: 1 },
    users(8).for('250ms'),
  );
  assert.ok(report.completed > 50);
  assert.equal(report.failed, 0);
  assert.equal(report.generator.connectionsOpened, 1);
});

test('a server that closes a kept connection under a request gets it again, on a new one', async () => {
  const report = await loadOn(
    (socket) =>
      eachRequest(socket, (nth) => {
        if (nth < 5) socket.write(OK);
        else socket.destroy();
      }),
    { connections: 1 },
  );
  assert.equal(report.completed, 50);
  assert.equal(report.failed, 0);
  assert.ok(report.generator.resent >= 9, `${report.generator.resent}`);
});

test('each failure has its kind', async () => {
  const kinds = async (answer: (socket: Socket) => void, options: LoadOptionsInput = {}): Promise<string[]> =>
    Object.keys((await loadOn((socket) => eachRequest(socket, () => answer(socket)), options)).errors);
  assert.deepEqual(await kinds((socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok') && socket.end()), [
    'closed',
  ]);
  assert.deepEqual(await kinds((socket) => socket.resetAndDestroy()), ['reset']);
  assert.deepEqual(await kinds((socket) => socket.write('SSH-2.0-OpenSSH\r\n')), ['protocol']);
});

test('an answer that is longer than it says, or that brings another one along, is an error of kind protocol', async () => {
  for (const surplus of ['x', 'HTTP/1.1 200 OK\r\n', OK]) {
    for (const arrival of [constant('100/s').for('100ms'), users(4).for('100ms')]) {
      const report = await loadOn((socket) => eachRequest(socket, () => socket.write(OK + surplus)), {}, arrival);
      assert.equal(report.completed, 0, surplus);
      assert.deepEqual(report.errors, { protocol: report.sent }, surplus);
    }
  }
});

test('a wrong answer after many right ones is found', async () => {
  const wrong = {
    protocol: ['HTTP/1.1 200 OK\r\nContent-Length: 2 2\r\n\r\nok', 'HTTP/1.1 2OO OK\r\nContent-Length: 2\r\n\r\nok', `x${OK}`],
    closed: [OK.slice(0, -1), OK.slice(0, 20), OK.replace('2\r\n', '3\r\n')],
  };
  for (const [kind, answers] of Object.entries(wrong)) {
    for (const answer of answers) {
      const serve = (socket: Socket): void =>
        eachRequest(socket, (nth) => {
          if (nth % 10 < 9) return void socket.write(OK);
          if (kind === 'closed') socket.end(answer);
          else socket.write(answer);
        });
      const report = await loadOn(serve, { connections: 1 });
      assert.deepEqual(Object.keys(report.errors), [kind], answer);
      assert.equal(report.errors[kind], Math.floor(report.sent / 10), answer);
    }
  }
});

test('a request that is not answered times out, at its age', async () => {
  const report = await loadOn(() => {}, { timeout: '100ms' }, constant('20/s').for('200ms'));
  assert.deepEqual(report.errors, { timeout: 4 });
  assert.ok(report.latency.min! >= 100);
});

test('a port nobody listens on is an error of kind connect', async () => {
  const server = createServer();
  const target = await listen(server);
  server.close();
  await once(server, 'close');
  const report = await runLoad(defineLoad({ target, arrival: constant('50/s').for('200ms') }), { connections: 2 });
  assert.deepEqual(report.errors, { connect: 10 });
  assert.equal(report.verdict.exitCode, 97);
});

test('chunked, compressed and empty answers reach a scenario whole', async () => {
  const { gzipSync } = await import('node:zlib');
  const server = createHttp((request, response) => {
    if (request.url === '/chunked') {
      response.write('one, ');
      response.end('two');
    } else if (request.url === '/gzip') response.setHeader('content-encoding', 'gzip').end(gzipSync('compressed'));
    else if (request.url === '/echo') request.pipe(response.setHeader('x-type', request.headers['content-type'] ?? ''));
    else response.writeHead(204).end();
  });
  const target = await listen(server);
  const report = await runLoad(
    defineLoad({
      target,
      arrival: constant('20/s').for('250ms'),
      scenarios: {
        all: {
          exec: async ({ get, post, request, check }) => {
            check('chunked', (await get('/chunked')).text() === 'one, two');
            check('gzip', (await get('/gzip', { headers: { 'accept-encoding': 'gzip' } })).text() === 'compressed');
            check('empty', (await get('/none')).status === 204);
            check('head', (await request('HEAD', '/chunked')).status === 200);
            const echo = await post('/echo', { json: { a: 1 } });
            check('json', echo.json<{ a: number }>().a === 1 && echo.header('X-Type') === 'application/json');
          },
        },
      },
      thresholds: { checks: ['rate==1'] },
    }),
  );
  server.close();
  assert.deepEqual(
    report.thresholds.map(({ value }) => value),
    [1],
    JSON.stringify(report.checks),
  );
  assert.equal(report.iterations, 5);
});
