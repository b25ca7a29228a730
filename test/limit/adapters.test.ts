/** Each adapter in the real framework, over real HTTP where the framework serves it. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { Hono } from 'hono';
import Fastify from 'fastify';
import { rateLimit } from 'express-rate-limit';
import fastifyRateLimit from '@fastify/rate-limit';
import {
  expressLimit,
  expressRateLimitStore,
  fastifyLimit,
  fastifyRateLimitStore,
  fetchLimit,
  honoLimit,
  nodeLimit,
} from '../../src/adapters/limit/index.ts';
import { createLimiter, misconfigurations } from '../../src/limit/index.ts';
import { eventually } from '../servers/index.ts';

interface ExpressApp {
  (request: unknown, response: unknown): void;
  use(...handlers: unknown[]): void;
  get(path: string, ...handlers: unknown[]): void;
  set(name: string, value: unknown): void;
}
const express = createRequire(import.meta.url)('express') as () => ExpressApp;

async function serve(handler: Parameters<typeof createServer>[1]): Promise<{ url: string; server: Server }> {
  const server = createServer(handler).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}

async function statuses(url: string, times: number, init?: RequestInit): Promise<number[]> {
  const found: number[] = [];
  for (let i = 0; i < times; i++) {
    const response = await fetch(url, init);
    await response.arrayBuffer();
    found.push(response.status);
  }
  return found;
}

async function assertRefusal(response: Response): Promise<void> {
  assert.equal(response.status, 429);
  assert.match(response.headers.get('retry-after')!, /^\d+$/);
  assert.match(response.headers.get('ratelimit-policy')!, /^"2-per-1m";q=2;w=60$/);
  assert.match(response.headers.get('ratelimit')!, /^"2-per-1m";r=0;t=\d+$/);
  assert.equal(response.headers.get('x-ratelimit-remaining'), '0');
  assert.match(response.headers.get('content-type')!, /^application\/problem\+json/);
  const problem = (await response.json()) as { status: number; 'violated-policies': string[] };
  assert.deepEqual([problem.status, problem['violated-policies']], [429, ['2-per-1m']]);
}

const TWO = { limit: 2, window: '1m' } as const;

test('node:http', async () => {
  const limit = nodeLimit(TWO);
  const { url, server } = await serve((request, response) => limit(request, response, () => response.end('ok')));
  assert.deepEqual(await statuses(url, 3), [200, 200, 429]);
  await assertRefusal(await fetch(url));
  assert.equal((await fetch(url, { method: 'HEAD' })).status, 429);
  server.close();
});

test('node:http: what an answer is can decide whether it counts', async () => {
  const limiter = createLimiter(TWO);
  const limit = nodeLimit({ limiter, skipSuccessfulRequests: true });
  const { url, server } = await serve((request, response) =>
    limit(request, response, () => {
      response.statusCode = request.url === '/wrong' ? 401 : 200;
      response.end();
    }),
  );
  assert.deepEqual(await statuses(url, 5), [200, 200, 200, 200, 200]);
  assert.deepEqual(await statuses(`${url}/wrong`, 3), [401, 401, 429]);
  server.close();
});

test('node:http: a custom answer, costs, and requests that are let by', async () => {
  const limit = nodeLimit({
    ...TWO,
    cost: (request) => (request.url === '/dear' ? 2 : 1),
    skip: (request) => request.url === '/health',
    message: { error: 'slow down' },
    statusCode: 420,
  });
  const { url, server } = await serve((request, response) => limit(request, response, () => response.end()));
  assert.deepEqual(await statuses(`${url}/health`, 4), [200, 200, 200, 200]);
  assert.deepEqual(await statuses(`${url}/dear`, 2), [200, 420]);
  assert.deepEqual(await (await fetch(url)).json(), { error: 'slow down' });
  server.close();
});

test('node:http: requests beyond a point are held back, and refused when too many wait', async () => {
  const limit = nodeLimit({ limit: 100, window: '1m', slowDown: { after: 2, delay: '60ms', maxWaiting: 1 } });
  const { url, server } = await serve((request, response) => limit(request, response, () => response.end()));
  assert.deepEqual(await statuses(url, 2), [200, 200]);
  const both = await Promise.all([fetch(url), fetch(url)]);
  assert.deepEqual(both.map((response) => response.status).toSorted(), [200, 503]);
  server.close();
});

test('node:http: clients are told apart behind a trusted proxy, and not by what an untrusted one claims', async () => {
  const trusting = nodeLimit({ ...TWO, trustProxy: ['loopback'] });
  const trusted = await serve((request, response) => trusting(request, response, () => response.end()));
  const from = (ip: string): RequestInit => ({ headers: { 'x-forwarded-for': ip } });
  assert.deepEqual(await statuses(trusted.url, 3, from('203.0.113.1')), [200, 200, 429]);
  assert.deepEqual(await statuses(trusted.url, 1, from('203.0.113.2')), [200]);
  trusted.server.close();

  const warned: string[] = [];
  misconfigurations.events.on('misconfigured', ({ code }) => warned.push(code));
  const wary = nodeLimit(TWO);
  const untrusted = await serve((request, response) => wary(request, response, () => response.end()));
  assert.deepEqual(await statuses(untrusted.url, 2, from('203.0.113.1')), [200, 200]);
  assert.deepEqual(await statuses(untrusted.url, 1, from('203.0.113.2')), [429]);
  assert.deepEqual(warned, ['proxyNotTrusted']);
  untrusted.server.close();
});

test('Express 5', async () => {
  const app = express();
  app.set('trust proxy', 'loopback');
  app.use(expressLimit(TWO));
  app.get('/', (request: { rateLimit: { remaining: number } }, response: { json(body: unknown): void }) =>
    response.json({ remaining: request.rateLimit.remaining }),
  );
  const { url, server } = await serve(app);
  assert.deepEqual(await (await fetch(url)).json(), { remaining: 1 });
  assert.deepEqual(await statuses(url, 2), [200, 429]);
  await assertRefusal(await fetch(url));
  assert.deepEqual(await statuses(url, 1, { headers: { 'x-forwarded-for': '203.0.113.1' } }), [200]);
  server.close();
});

test('Express 5: a handler of the application answers', async () => {
  const app = express();
  app.use(
    expressLimit({
      ...TWO,
      handler: (_request, response, decision) => response.writeHead(302, { location: `/wait?ms=${decision.retryAfterMs}` }).end(),
    }),
  );
  app.get('/', (_: unknown, response: { end(): void }) => response.end());
  const { url, server } = await serve(app);
  assert.deepEqual(await statuses(url, 3, { redirect: 'manual' }), [200, 200, 302]);
  server.close();
});

test('Fastify 5, with limits of its own for a route', async () => {
  const app = Fastify();
  await app.register(fastifyLimit as never, { ...TWO, standardHeaders: true });
  app.get('/', () => 'ok');
  app.get('/free', { config: { rateLimit: false } }, () => 'ok');
  app.get('/dear', { config: { rateLimit: { limit: 1, window: '1m' } } } as never, () => 'ok');
  const url = await app.listen({ port: 0, host: '127.0.0.1' });
  assert.deepEqual(await statuses(`${url}/`, 3), [200, 200, 429]);
  await assertRefusal(await fetch(url));
  assert.deepEqual(await statuses(`${url}/free`, 4), [200, 200, 200, 200]);
  assert.deepEqual(await statuses(`${url}/dear`, 2), [200, 429]);
  await app.close();
});

test('Hono 4', async () => {
  const app = new Hono();
  app.use(honoLimit({ ...TWO, keyGenerator: (context) => context.req.header('x-client') ?? 'nobody' }));
  app.get('/', (context) => context.text('ok'));
  const ask = (client: string): Promise<Response> => Promise.resolve(app.request('/', { headers: { 'x-client': client } }));
  const first = await ask('a');
  assert.match(first.headers.get('ratelimit')!, /^"2-per-1m";r=1;t=6\d$/);
  assert.equal((await ask('a')).status, 200);
  await assertRefusal(await ask('a'));
  assert.equal((await ask('b')).status, 200);
});

test("Hono 4 on Node: the peer's address is the key", async () => {
  const app = new Hono();
  app.use(honoLimit(TWO));
  app.get('/', (context) => context.text('ok'));
  const ask = (remoteAddress: string): Promise<Response> =>
    Promise.resolve(app.request('/', {}, { incoming: { socket: { remoteAddress } } }));
  await ask('192.0.2.1');
  await ask('192.0.2.1');
  assert.equal((await ask('192.0.2.1')).status, 429);
  assert.equal((await ask('192.0.2.2')).status, 200);
});

test('Fetch', async () => {
  const limit = fetchLimit(TWO);
  const handle = async (request: Request, peer: string): Promise<Response> => {
    const verdict = await limit(request, peer);
    return verdict.refusal ?? verdict.apply(new Response('ok'));
  };
  const ask = (peer: string): Promise<Response> => handle(new Request('http://localhost/'), peer);
  const first = await ask('192.0.2.1');
  assert.equal(first.headers.get('x-ratelimit-remaining'), '1');
  assert.equal(await first.text(), 'ok');
  await ask('192.0.2.1');
  await assertRefusal(await ask('192.0.2.1'));
  assert.equal((await ask('192.0.2.2')).status, 200);
});

test('express-rate-limit counts through our store', async () => {
  const app = express();
  app.use(rateLimit({ windowMs: 60_000, limit: 2, store: expressRateLimitStore(), standardHeaders: 'draft-8' }));
  app.get('/', (_: unknown, response: { end(): void }) => response.end());
  const { url, server } = await serve(app);
  assert.deepEqual(await statuses(url, 3), [200, 200, 429]);
  server.close();
});

test('express-rate-limit gives failed requests back through our store', async () => {
  const app = express();
  app.use(rateLimit({ windowMs: 60_000, limit: 2, store: expressRateLimitStore(), skipFailedRequests: true }));
  app.get('/', (_: unknown, response: { status(code: number): { end(): void } }) => response.status(500).end());
  const { url, server } = await serve(app);
  await eventually('each failed request is given back', async () => (await statuses(url, 5)).every((status) => status === 500));
  server.close();
});

test('@fastify/rate-limit counts through our store', async () => {
  const app = Fastify();
  await app.register(fastifyRateLimit, { max: 2, timeWindow: 60_000, store: fastifyRateLimitStore() });
  app.get('/', () => 'ok');
  app.get('/own', { config: { rateLimit: { max: 1, timeWindow: 30_000 } } }, () => 'ok');
  const url = await app.listen({ port: 0, host: '127.0.0.1' });
  assert.deepEqual(await statuses(`${url}/`, 3), [200, 200, 429]);
  assert.deepEqual(await statuses(`${url}/own`, 2), [200, 429]);
  await app.close();
});
