import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { after, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { eventually, freePort } from '../servers/index.ts';
import { bodyOf, exchangeRaw, Origin, startSite } from './support.ts';

const cleanups: (() => Promise<unknown>)[] = [];
after(async () => {
  for (const cleanup of cleanups.toReversed()) await cleanup();
});

async function origin(...args: Parameters<typeof Origin.start>): Promise<Origin> {
  const started = await Origin.start(...args);
  cleanups.push(() => started.kill().catch(() => {}));
  return started;
}

async function site(...args: Parameters<typeof startSite>): ReturnType<typeof startSite> {
  const started = await startSite(...args);
  cleanups.push(() => started.stop());
  return started;
}

describe('what reaches the upstream', () => {
  test('the request, without hop-by-hop fields, with the client’s true address', async () => {
    let seen: IncomingMessage | undefined;
    const upstream = await origin((request, response) => {
      seen = request;
      response.end('ok');
    });
    const { port } = await site([upstream.url]);
    await exchangeRaw(
      port,
      'GET /a/./b/../c%41?x=%41 HTTP/1.1\r\nHost: Example.com:80\r\nX-Forwarded-For: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\n' +
        'X-Real-IP: 6.6.6.6\r\nKeep-Alive: 5\r\nTE: trailers\r\nX-Private: 1\r\nX-Kept: yes\r\nConnection: close, X-Private\r\n\r\n',
    );
    assert.equal(seen?.url, '/a/cA?x=%41');
    assert.deepEqual(
      Object.fromEntries(Object.entries(seen.headers).filter(([name]) => name !== 'x-request-id' && name !== 'connection')),
      {
        host: 'example.com',
        'x-kept': 'yes',
        'x-forwarded-for': '127.0.0.1',
        'x-forwarded-proto': 'http',
        'x-forwarded-host': 'example.com',
        forwarded: 'for=127.0.0.1;host="example.com";proto=http',
        via: '1.1 spillway',
      },
    );
  });

  test('a body of any size, at the pace the upstream takes it', async () => {
    const upstream = await origin(async (request, response) => {
      const hash = createHash('sha256');
      // Nothing is read before as much waits as the upstream takes unread.
      await eventually('the body is held up', () => request.readableLength >= request.readableHighWaterMark);
      for await (const chunk of request) {
        hash.update(chunk as Buffer);
      }
      response.end(hash.digest('hex'));
    });
    const { port } = await site([upstream.url], { maxBodyBytes: '64mb', gateway: { listen: { maxBodyBytes: '64mb' } } } as never);
    const bytes = Buffer.alloc(20_000_000, 'spillway');
    const response = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body: bytes });
    assert.equal(await response.text(), createHash('sha256').update(bytes).digest('hex'));
  });

  test('an Expect: 100-continue is answered when the upstream is ready to read, and not before', async () => {
    const upstream = await origin(async (request, response) => response.end(await bodyOf(request)));
    const { port } = await site([upstream.url]);
    const request = httpRequest({
      port,
      host: '127.0.0.1',
      method: 'PUT',
      headers: { expect: '100-continue', 'content-length': 5 },
    });
    request.flushHeaders();
    await once(request, 'continue');
    request.end('hello');
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    assert.equal(await bodyOf(response), 'hello');
  });
});

describe('what comes back', () => {
  test('trailers of a request pass, but for those that belong in front of a body', async () => {
    let seen: NodeJS.Dict<string> = {};
    const upstream = await origin(async (request, response) => {
      const body = await bodyOf(request);
      seen = { ...request.trailers };
      response.end(body);
    });
    const { port } = await site([upstream.url]);
    const trailers = 'X-Sum: 42\r\nHost: b\r\nX-Forwarded-For: 6.6.6.6\r\nAuthorization: me\r\nVia: b\r\n';
    const head = 'POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n';
    const answer = await exchangeRaw(port, `${head}5\r\nhello\r\n0\r\n${trailers}\r\n`);
    assert.match(answer, /^HTTP\/1\.1 200 .*hello$/s);
    assert.deepEqual(seen, { 'x-sum': '42' });
  });

  test('streams, trailers, early hints and repeated fields', async () => {
    const upstream = await origin(async (_, response) => {
      response.writeEarlyHints({ link: '</a.css>; rel=preload' });
      response.writeHead(200, [
        'set-cookie',
        'a=1',
        'set-cookie',
        'b=2',
        'trailer',
        'x-sum',
        'x-hop',
        '1',
        'connection',
        'x-hop',
      ]);
      response.write('one,');
      response.addTrailers({ 'x-sum': '42' });
      response.end('two');
    });
    const { port } = await site([upstream.url]);
    const request = httpRequest({ port, host: '127.0.0.1' });
    let hints: unknown;
    request.on('information', (info) => (hints = info.headers));
    request.end();
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    assert.equal(await bodyOf(response), 'one,two');
    assert.deepEqual(response.headers['set-cookie'], ['a=1', 'b=2']);
    assert.equal(response.headers['x-hop'], undefined);
    assert.deepEqual(response.trailers, { 'x-sum': '42' });
    assert.deepEqual(hints, { link: '</a.css>; rel=preload' });
  });

  test('a slow client slows the upstream down instead of filling memory', async () => {
    let sent = 0;
    const upstream = await origin((_, response) => {
      const more = (): void => {
        do sent += 100_000;
        while (response.write(Buffer.alloc(100_000)) && sent < 200_000_000);
      };
      response.on('drain', more);
      more();
    });
    const { port } = await site([upstream.url]);
    const client = connect(port, '127.0.0.1');
    client.pause();
    client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    let before = -1;
    await eventually('the upstream stands still', async () => {
      before = sent;
      // That nothing moves is only seen by watching for a while.
      await delay(300);
      return sent > 0 && sent === before;
    });
    assert.ok(sent < 50_000_000, `${sent} bytes were taken from the upstream for a client that reads none`);
    client.destroy();
    await eventually('the upstream hears that the client is gone', () => upstream.sockets.size === 0);
  });

  test('a client that goes away ends the request to the upstream', async () => {
    let aborted = false;
    const upstream = await origin((_, response) => response.on('close', () => (aborted = !response.writableFinished)));
    const { port, proxy } = await site([upstream.url]);
    const client = connect(port, '127.0.0.1');
    client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await eventually('the request arrived', () => upstream.requests === 1);
    client.destroy();
    await eventually('the upstream saw it end', () => aborted);
    assert.equal(proxy.balancers.get('site')!.endpoints[0]!.failures, 0, 'that is not the endpoint’s fault');
  });

  test('an answer that breaks off breaks off at the client too', async () => {
    const upstream = await origin((_, response) => {
      response.writeHead(200, { 'content-length': 100 });
      response.write('half');
      setImmediate(() => response.socket!.destroy());
    });
    const { port } = await site([upstream.url]);
    await assert.rejects(fetch(`http://127.0.0.1:${port}/`).then((response) => response.text()));
  });
});

describe('faults of the upstream', () => {
  test('nobody listens: 502 problem, and healed as soon as somebody does', async () => {
    const port = await freePort();
    const { port: sitePort } = await site([`http://127.0.0.1:${port}`]);
    const broken = await fetch(`http://127.0.0.1:${sitePort}/`);
    assert.equal(broken.status, 502);
    assert.equal(broken.headers.get('content-type'), 'application/problem+json');
    const problem = (await broken.json()) as Record<string, unknown>;
    assert.equal(problem['code'], 'SPILLWAY_UPSTREAM_UNAVAILABLE');
    assert.ok(problem['instance']);
    await origin((_, response) => response.end('here'), port);
    assert.equal(await (await fetch(`http://127.0.0.1:${sitePort}/`)).text(), 'here');
  });

  test('no answer in time: 504 problem', async () => {
    const upstream = await origin(() => {});
    const { port } = await site([upstream.url], { route: { timeoutMs: 200 } });
    const response = await fetch(`http://127.0.0.1:${port}/`);
    assert.equal(response.status, 504);
    assert.equal(((await response.json()) as { code: string }).code, 'SPILLWAY_UPSTREAM_TIMEOUT');
  });

  test('a killed endpoint is taken over by the others, for requests that are safe to repeat', async () => {
    const origins = await Promise.all([0, 1, 2].map((n) => origin((_, response) => response.end(String(n)))));
    const { port, proxy } = await site(
      origins.map((one) => one.url),
      { upstream: { strategy: 'leastConnections' } },
    );
    const get = async (): Promise<number> => (await fetch(`http://127.0.0.1:${port}/`)).status;
    for (let i = 0; i < 30; i++) assert.equal(await get(), 200);
    await origins[1]!.kill();
    const statuses = await Promise.all(Array.from({ length: 300 }, get));
    assert.deepEqual([...new Set(statuses)], [200]);
    assert.equal(proxy.balancers.get('site')!.endpoints[1]!.state, 'ejected');
  });

  test('a request that may have been carried out is not repeated', async () => {
    let posts = 0;
    const upstream = await origin((request) => {
      posts++;
      request.socket.destroy();
    });
    const { port } = await site([upstream.url, upstream.url]);
    assert.equal((await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body: 'pay' })).status, 502);
    assert.equal(posts, 1);
    assert.equal((await fetch(`http://127.0.0.1:${port}/`)).status, 502);
    assert.equal(posts, 3, 'a GET is tried once more');
  });
});

test('the PROXY protocol tells who the client is, and nobody else gets in', async () => {
  const upstream = await origin((request, response) => response.end(String(request.headers['x-forwarded-for'])));
  const { port } = await site([upstream.url], { gateway: { listen: { proxyProtocol: true } } as never });
  const get = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';
  assert.match(await exchangeRaw(port, `PROXY TCP4 192.0.2.7 198.51.100.1 5 443\r\n${get}`), /\r\n\r\n192\.0\.2\.7$/);
  assert.match(await exchangeRaw(port, `PROXY UNKNOWN\r\n${get}`), /\r\n\r\n127\.0\.0\.1$/);
  assert.equal(await exchangeRaw(port, get), '');
});

describe('limits', () => {
  test('what is too large or malformed is refused with a problem document', async () => {
    const upstream = await origin((_, response) => response.end('ok'));
    const { port } = await site([upstream.url], {
      gateway: { listen: { maxUrlBytes: '256b', maxHeaderBytes: '2kb', maxBodyBytes: '1kb' } } as never,
      maxBodyBytes: '1kb',
    });
    const statusOf = async (bytes: string): Promise<string> => {
      const answer = await exchangeRaw(port, bytes);
      assert.match(answer, /application\/problem\+json/i, answer);
      return answer.split(' ')[1]!;
    };
    assert.equal(await statusOf(`GET /${'a'.repeat(300)} HTTP/1.1\r\nHost: a\r\n\r\n`), '414');
    assert.equal(await statusOf(`GET / HTTP/1.1\r\nHost: a\r\nX: ${'a'.repeat(4000)}\r\n\r\n`), '431');
    assert.equal(await statusOf('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2000\r\n\r\n'), '413');
    assert.equal(await statusOf('GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n'), '400');
    assert.equal(await statusOf('GET / HTTP/1.1\r\n\r\n'), '400');
    assert.equal(await statusOf('GET / HTTP/1.1\r\nHost: a b\r\n\r\n'), '400');
    assert.equal(await statusOf('GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n'), '400');
    assert.equal(await statusOf('nonsense\r\n\r\n'), '400');
    assert.equal(await statusOf('TRACE / HTTP/1.1\r\nHost: a\r\n\r\n'), '405');
    assert.equal(upstream.requests, 0);
  });

  test('a body without a length is cut off at the limit', async () => {
    const upstream = await origin(async (request, response) => response.end(await bodyOf(request).catch(() => '')));
    const { port } = await site([upstream.url], { maxBodyBytes: '1kb' });
    const answer = await exchangeRaw(
      port,
      `POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n${`400\r\n${'x'.repeat(1024)}\r\n`.repeat(4)}0\r\n\r\n`,
    );
    assert.match(answer, /^HTTP\/1\.1 413 /);
  });

  test('a handler that throws is a 500 problem; an unknown path a 404', async () => {
    const handle = (): never => {
      throw new Error('secret detail');
    };
    const { port, gateway } = await site(['http://127.0.0.1:1'], { gateway: { handle, handlePlain: handle } as never });
    for (const method of ['GET', 'POST']) {
      const response = await fetch(`http://127.0.0.1:${port}/`, { method });
      assert.equal(response.status, 500);
      assert.doesNotMatch(await response.text(), /secret/);
    }
    assert.equal(gateway.inFlight, 0);
    const none = await site(['http://127.0.0.1:1'], { gateway: { match: () => undefined } as never });
    assert.equal((await fetch(`http://127.0.0.1:${none.port}/x`)).status, 404);
  });
});

describe('draining', () => {
  test('cuts no request, tells clients to close, and ends', async () => {
    let release = (): void => {};
    const upstream = await origin((_, response) => {
      release = () => response.end('late');
    });
    const { port, gateway } = await site([upstream.url]);
    const idle = connect(port, '127.0.0.1');
    await once(idle, 'connect');
    idle.resume();
    const pending = fetch(`http://127.0.0.1:${port}/`);
    await eventually('the request is under way', () => upstream.requests === 1);
    let drained = false;
    const drain = gateway.drain(new AbortController().signal).then(() => (drained = true));
    await assert.rejects(fetch(`http://127.0.0.1:${port}/`), 'new connections are refused');
    assert.equal(drained, false);
    release();
    const response = await pending;
    assert.equal(response.headers.get('connection'), 'close');
    assert.equal(await response.text(), 'late');
    // The idle connection brings one more request before it is closed.
    idle.write('GET /again HTTP/1.1\r\nHost: a\r\n\r\n');
    await eventually('it is served', () => upstream.requests === 2);
    release();
    await once(idle, 'end');
    await drain;
    assert.equal(gateway.inFlight, 0);
  });
});
