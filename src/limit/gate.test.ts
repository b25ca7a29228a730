import assert from 'node:assert/strict';
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { test } from 'node:test';
import { SimulatedClock } from '../kernel/index.ts';
import type { LimitPolicy, RoutePolicy } from '../policy/index.ts';
import type { Exchange } from '../ports/index.ts';
import type { Decision } from './decision.ts';
import { createLimitGate } from './gate.ts';

const perMinute = (limit: number, by: LimitPolicy['by'] = 'ip'): LimitPolicy => ({
  limit,
  windowMs: 60_000,
  algorithm: 'sliding',
  burst: undefined,
  by,
});

function routeWith(pattern: string, limits: readonly LimitPolicy[]): RoutePolicy {
  return {
    pattern,
    className: 'api',
    priority: 'normal',
    upstream: undefined,
    cache: undefined,
    headers: { cacheControl: undefined, cdnCacheControl: undefined, surrogateControl: undefined },
    tags: [],
    limits,
    timeoutMs: 1000,
    sloP95Ms: undefined,
    provenance: {},
  };
}

function exchangeOn(
  route: RoutePolicy,
  clientIp: string,
  headers: Record<string, string> = {},
): Exchange & { written: string[] } {
  const request = Object.assign(new IncomingMessage(new Socket()), { headers });
  const written: string[] = [];
  const response = Object.assign(new ServerResponse(request), {
    writeHead: (status: number, fields: string[]) => {
      response.statusCode = status;
      for (let i = 0; i < fields.length; i += 2) response.setHeader(fields[i]!, fields[i + 1]!);
      return response;
    },
    end: (body?: string) => {
      written.push(body ?? '');
      return response;
    },
  });
  return {
    route,
    params: {},
    request,
    response,
    method: 'GET',
    scheme: 'http',
    authority: 'example.com',
    path: '/',
    query: '',
    clientIp,
    requestId: '1',
    startedMs: 0,
    written,
  };
}

test('each route has limits of its own', () => {
  const [a, b, free] = [routeWith('/a', [perMinute(1)]), routeWith('/b', [perMinute(1)]), routeWith('/c', [])];
  const gate = createLimitGate([a, b, free], {}, { clock: new SimulatedClock() });
  const allowed = (route: RoutePolicy): boolean => (gate.check(exchangeOn(route, '192.0.2.1')) as Decision).allowed;
  assert.deepEqual([a, a, b, free, free].map(allowed), [true, false, true, true, true]);
});

test('the fast path counts what it admits, and nothing when it leaves the decision to the full path', () => {
  const byIp = routeWith('/a', [perMinute(2)]);
  const byKey = routeWith('/b', [perMinute(2, 'apiKey')]);
  const gate = createLimitGate([byIp, byKey], {}, { clock: new SimulatedClock() });
  const left = [1, 2, 3].map(() => {
    const lines = gate.admitFast(byIp, '192.0.2.1');
    return lines && /^ratelimit: .*;r=(\d)/m.exec(lines.toString())![1];
  });
  assert.deepEqual(left, ['1', '0', false]);
  assert.equal(gate.admitFast(byKey, '192.0.2.1'), false);
  const decision = gate.check(exchangeOn(byKey, '192.0.2.1', { 'x-api-key': 'k' })) as Decision;
  assert.equal(decision.remaining, 1);
});

test('a refusal is a 429 problem document with every field a client can use', () => {
  const route = routeWith('/a', [perMinute(1), { ...perMinute(100), windowMs: 500 }]);
  const gate = createLimitGate([route], {}, { clock: new SimulatedClock() });
  gate.check(exchangeOn(route, '192.0.2.1'));
  const exchange = exchangeOn(route, '192.0.2.1');
  const decision = gate.check(exchange) as Decision;
  gate.refuse(decision, exchange);
  assert.equal(exchange.response.statusCode, 429);
  const field = (name: string): unknown => exchange.response.getHeader(name);
  const retryAfter = Number(field('retry-after'));
  assert.ok(retryAfter >= 60 && retryAfter <= 63);
  assert.equal(field('ratelimit-policy'), '"1-per-1m";q=1;w=60, "100-per-500ms";q=100');
  assert.equal(field('ratelimit'), `"1-per-1m";r=0;t=${retryAfter}, "100-per-500ms";r=99`);
  assert.equal(field('x-ratelimit-limit'), '1');
  assert.equal(field('x-ratelimit-remaining'), '0');
  assert.equal(field('x-ratelimit-reset'), String(retryAfter));
  assert.equal(field('content-type'), 'application/problem+json');
  assert.deepEqual(JSON.parse(exchange.written[0]!), {
    type: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
    title: 'Too many requests',
    status: 429,
    detail: `The limit 1-per-1m is reached; try again in ${retryAfter} s.`,
    'violated-policies': ['1-per-1m'],
  });
});

test('an admitted request learns where it stands', () => {
  const route = routeWith('/a', [perMinute(5)]);
  const gate = createLimitGate([route], { legacyHeaders: false }, { clock: new SimulatedClock() });
  const exchange = exchangeOn(route, '192.0.2.1');
  gate.applyHeaders(gate.check(exchange) as Decision, exchange.response);
  assert.equal(exchange.response.getHeader('ratelimit'), '"5-per-1m";r=4;t=63');
  assert.equal(exchange.response.getHeader('retry-after'), undefined);
  assert.equal(exchange.response.getHeader('x-ratelimit-limit'), undefined);
});

test('who asks can be said by the application', () => {
  const route = routeWith('/a', [perMinute(1, 'user')]);
  const gate = createLimitGate(
    [route],
    { tiers: { premium: 2 }, identify: ({ request }) => ({ user: request.headers['x-user'] as string, tier: 'premium' }) },
    { clock: new SimulatedClock() },
  );
  const check = (user: string): boolean => (gate.check(exchangeOn(route, '192.0.2.1', { 'x-user': user })) as Decision).allowed;
  assert.deepEqual(['ann', 'ann', 'ann', 'bob'].map(check), [true, true, false, true]);
});

test('a denied address gets a 403', () => {
  const route = routeWith('/a', [perMinute(1)]);
  const gate = createLimitGate([route], { deny: ['192.0.2.0/24'] }, { clock: new SimulatedClock() });
  const exchange = exchangeOn(route, '192.0.2.1');
  gate.refuse(gate.check(exchange) as Decision, exchange);
  assert.equal(exchange.response.statusCode, 403);
});

test('where a client stands can be looked at and reset, on one route or on all', async () => {
  const [a, b] = [routeWith('/a', [perMinute(5)]), routeWith('/b', [perMinute(3)])];
  const gate = createLimitGate([a, b], {}, { clock: new SimulatedClock() });
  gate.check(exchangeOn(a, '192.0.2.1'));
  gate.check(exchangeOn(b, '192.0.2.1'));
  const remaining = async (): Promise<string[]> =>
    (await gate.peek('192.0.2.1')).map((standing) => `${standing.route} ${standing.remaining}`);
  assert.deepEqual(await remaining(), ['/a 4', '/b 2']);
  await gate.reset('192.0.2.1', '/a');
  assert.deepEqual(await remaining(), ['/a 5', '/b 2']);
  await gate.reset('192.0.2.1');
  assert.deepEqual(await remaining(), ['/a 5', '/b 3']);
  assert.deepEqual(await gate.peek('192.0.2.1', '/none'), []);
});

test('a client beyond a point is held back, and goes on by what hold says', async () => {
  const route = routeWith('/a', [perMinute(100)]);
  const clock = new SimulatedClock();
  const gate = createLimitGate([route], { slowDown: { after: 1, delay: '100ms', maxWaiting: 1 } }, { clock });
  const decide = (): Decision => gate.check(exchangeOn(route, '192.0.2.1')) as Decision;
  assert.deepEqual(
    [decide(), decide(), decide()].map((decision) => decision.delayMs),
    [0, 100, 200],
  );
  const heldMs: (number | string)[] = [];
  const hold = (): void =>
    void gate
      .hold(decide(), exchangeOn(route, '192.0.2.1'))
      .then((decision) => heldMs.push(decision.allowed ? clock.monotonic() : decision.reason));
  hold();
  hold();
  await clock.advance(1000);
  assert.deepEqual(heldMs, ['delayQueueFull', 300]);
});
