/** What the gateway adds to requests and answers by itself: traces, security headers, when to come again. */
import assert from 'node:assert/strict';
import type { RequestListener } from 'node:http';
import { afterEach, describe, test } from 'node:test';
import { request } from 'undici';
import { Origin, startSite, type Site } from './support.ts';

let origin: Origin | undefined;
let site: Site | undefined;
afterEach(async () => {
  await site?.stop();
  await origin?.kill();
  site = origin = undefined;
});

async function start(listener: RequestListener, options: Parameters<typeof startSite>[1]): Promise<string> {
  origin = await Origin.start(listener);
  site = await startSite([origin.url], options);
  return `http://127.0.0.1:${site.port}/`;
}

/** Plain GETs go from socket to socket; a POST takes the way through the HTTP server. */
const METHODS = ['GET', 'POST'] as const;
const PARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

describe('traces', () => {
  const echo: RequestListener = ({ headers: { traceparent, tracestate } }, response) =>
    response.end(JSON.stringify({ traceparent, tracestate }));
  const ask = async (url: string, method: 'GET' | 'POST', headers = {}): Promise<Record<string, string>> =>
    (await request(url, { method, headers })).body.json() as Promise<Record<string, string>>;

  test('begin here, or go on, on both ways through, and stand in the log', async () => {
    const logged: (string | undefined)[] = [];
    const url = await start(echo, {
      gateway: { tracing: { sample: 1 }, onComplete: ({ traceparent }) => logged.push(traceparent) },
    });
    for (const method of METHODS) {
      const { traceparent: begun } = await ask(url, method, { traceparent: 'nonsense', tracestate: 'vendor=1' });
      assert.match(begun!, /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
      const { traceparent: continued, tracestate } = await ask(url, method, { traceparent: PARENT, tracestate: 'vendor=1' });
      assert.equal(continued!.slice(0, 36), PARENT.slice(0, 36));
      assert.notEqual(continued!.slice(36, 52), PARENT.slice(36, 52));
      assert.equal(tracestate, 'vendor=1');
      const { traceparent: fresh } = await ask(url, method);
      assert.match(fresh!, /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
      assert.deepEqual(logged.splice(0), [begun, continued, fresh]);
    }
  });

  test('pass as they come where nothing is said of them', async () => {
    const url = await start(echo, {});
    for (const method of METHODS) {
      assert.deepEqual(await ask(url, method), {});
      assert.deepEqual(await ask(url, method, { traceparent: PARENT }), { traceparent: PARENT });
    }
  });
});

describe('security headers', () => {
  const page: RequestListener = (message, response) => {
    response.setHeader('content-type', 'text/html');
    if (message.url === '/own') response.setHeader('x-frame-options', 'ALLOW-FROM x').setHeader('referrer-policy', 'origin');
    response.end('<p>hello</p>');
  };

  test('are added on both ways through, and never in place of what the service says', async () => {
    const url = await start(page, { proxy: { securityHeaders: { permissionsPolicy: 'camera=()' } } });
    for (const method of METHODS) {
      const { headers } = await request(url, { method });
      assert.equal(headers['x-content-type-options'], 'nosniff');
      assert.equal(headers['x-frame-options'], 'SAMEORIGIN');
      assert.equal(headers['permissions-policy'], 'camera=()');
      assert.equal(headers['strict-transport-security'], undefined, 'not over plain HTTP');
      const { headers: own } = await request(`${url}own`, { method });
      assert.equal(own['x-frame-options'], 'ALLOW-FROM x');
      assert.equal(own['referrer-policy'], 'origin');
    }
  });

  test('are left out where nothing is said of them', async () => {
    const url = await start(page, {});
    for (const method of METHODS) assert.equal((await request(url, { method })).headers['x-content-type-options'], undefined);
  });
});

test('while the breaker of the only endpoint is open, clients are told when to come again', async () => {
  const url = await start((_, response) => response.writeHead(503).end(), {
    upstream: { breaker: { consecutiveFailures: 3, openFor: '40s' }, retries: { attempts: 0 } },
  });
  for (const method of METHODS) {
    for (let i = 0; i < 3; i++) await (await request(url, { method })).body.dump();
    const { statusCode, headers, body } = await request(url, { method });
    assert.equal(statusCode, 503);
    assert.equal(((await body.json()) as { code: string }).code, 'SPILLWAY_BREAKER_OPEN');
    const seconds = Number(headers['retry-after']);
    assert.ok(seconds > 0 && seconds <= 48, `Retry-After is ${seconds}`);
  }
  assert.equal(origin!.requests, 3);
});
