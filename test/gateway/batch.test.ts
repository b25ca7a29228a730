import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createBatchEndpoint, createProxy, type BatchAnswer } from '../../src/gateway/index.ts';
import { bodyOf, Origin, routeTo, startSite, type Site } from './support.ts';

let origin: Origin;
let site: Site;
let running = 0;
let most = 0;

before(async () => {
  origin = await Origin.start(async (request, response) => {
    most = Math.max(most, ++running);
    const body = await bodyOf(request);
    // An answer takes a moment, so that requests of a batch overlap.
    setTimeout(() => {
      running--;
      if (request.url === '/hang') return;
      if (request.url === '/break') return void response.destroy();
      if (request.url === '/large') return void response.end('x'.repeat(20_000));
      response.setHeader('content-type', 'application/json');
      response.statusCode = request.url === '/missing' ? 404 : 200;
      response.end(JSON.stringify({ url: request.url, method: request.method, body, who: request.headers['authorization'] }));
    }, 10);
  });
  const proxy = createProxy({ upstreams: { site: { endpoints: [origin.url], retries: { attempts: 0 } } } });
  const route = routeTo('site');
  const batch = createBatchEndpoint(
    { maxBytes: '10kb', timeout: '1s', maxRequests: 12 },
    {
      match: (_, path) => (path.startsWith('/nowhere') ? undefined : { route, params: {} }),
      upstream: proxy,
      admit: async ({ path, method, clientIp }) =>
        path === '/limited' ? { status: 429, detail: `${method} by ${clientIp} is one too many.` } : undefined,
    },
  );
  site = await startSite([origin.url], { gateway: { handle: batch } as never });
});
after(async () => {
  await site.stop();
  await origin.kill();
});

async function send(batch: unknown, method = 'POST'): Promise<{ status: number; answers: BatchAnswer[]; detail: string }> {
  const response = await fetch(`http://127.0.0.1:${site.port}/batch`, {
    method,
    headers: { authorization: 'Bearer me' },
    ...(method === 'POST' && { body: typeof batch === 'string' ? batch : JSON.stringify(batch) }),
  });
  const body = (await response.json()) as BatchAnswer[] & { detail: string };
  return { status: response.status, answers: body, detail: body.detail };
}

describe('a batch', () => {
  test('asks for each request whether it may be served', async () => {
    const { answers } = await send([{ path: '/a' }, { method: 'PUT', path: '/limited', body: 1 }]);
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 429],
    );
    assert.equal((answers[1]!.body as { detail: string }).detail, 'PUT by 127.0.0.1 is one too many.');
  });

  test('lets no request say how long it is', async () => {
    const headers = { 'Content-Length': '3', 'Transfer-Encoding': 'chunked' };
    const { answers } = await send([
      { path: '/a', headers },
      { method: 'POST', path: '/b', headers, body: { x: 1 } },
    ]);
    assert.deepEqual(
      answers.map(({ status, body }) => [status, (body as { body: string }).body]),
      [
        [200, ''],
        [200, '{"x":1}'],
      ],
    );
  });

  test('answers each request in its place, five at a time, as whoever sent the batch', async () => {
    most = 0;
    const { status, answers } = await send(Array.from({ length: 12 }, (_, n) => ({ path: `/${n}` })));
    assert.equal(status, 200);
    assert.deepEqual(
      answers.map((answer) => (answer.body as { url: string }).url),
      Array.from({ length: 12 }, (_, n) => `/${n}`),
    );
    assert.equal(most, 5);
    assert.equal((answers[0]!.body as { who: string }).who, 'Bearer me');
  });

  test('a request that fails fails alone', async () => {
    const { answers } = await send([
      { path: '/ok', method: 'POST', body: { a: 1 } },
      { path: '/missing' },
      { path: '/break' },
      { path: '/large' },
      { path: '/nowhere' },
      { path: '/%zz' },
      { path: '/hang' },
    ]);
    assert.deepEqual(
      answers.map((answer) => answer.status),
      [200, 404, 502, 502, 404, 400, 504],
    );
    assert.deepEqual((answers[0]!.body as { body: string }).body, '{"a":1}');
  });

  test('one that is wrong itself is refused', async () => {
    assert.equal((await send('', 'GET')).status, 405);
    assert.equal((await send('{')).status, 400);
    assert.equal((await send([])).status, 400);
    assert.equal((await send(Array.from({ length: 13 }, () => ({ path: '/' })))).status, 400);
    assert.equal((await send(`["${'x'.repeat(20_000)}"]`)).status, 413);
    assert.match((await send([{ path: '/' }, { path: '/', method: 'TRACE' }])).detail, /Request 1\.method/);
  });
});
