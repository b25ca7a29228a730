/** Answers that are the gateway's own: one form, and the security headers that the policy asks for. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freePort } from '../servers/index.ts';
import { exchangeRaw, startSite } from './support.ts';

interface Problem {
  readonly status: number;
  readonly fields: ReadonlyMap<string, string>;
  readonly body: Record<string, unknown>;
}

async function ask(port: number, request: string): Promise<Problem> {
  const [head = '', body = ''] = (await exchangeRaw(port, request)).split('\r\n\r\n');
  const [line = '', ...fields] = head.split('\r\n');
  const pairs = fields.map((field) => [field.slice(0, field.indexOf(':')).toLowerCase(), field.slice(field.indexOf(':') + 2)]);
  return { status: Number(line.split(' ')[1]), fields: new Map(pairs as [string, string][]), body: JSON.parse(body) as never };
}

const REQUESTS: Record<string, [status: number, request: string]> = {
  'no HTTP': [400, 'nonsense\r\n\r\n'],
  'a head that is too large': [431, `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(100_000)}\r\n\r\n`],
  'no host': [400, 'GET / HTTP/1.1\r\nHost: a b\r\n\r\n'],
  'a method that is not served': [405, 'TRACE / HTTP/1.1\r\nHost: a\r\n\r\n'],
  CONNECT: [405, 'CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n'],
  'nobody behind a plain request': [502, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'],
  'nobody behind another': [502, 'DELETE / HTTP/1.1\r\nHost: a\r\n\r\n'],
  'nobody behind an upgrade': [502, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'],
};

async function answersWith(securityHeaders: object | false): Promise<Record<string, Problem>> {
  const site = await startSite([`http://127.0.0.1:${await freePort()}`], {
    gateway: { securityHeaders, listen: { keepAliveTimeout: '1s' } } as never,
    proxy: { securityHeaders: securityHeaders as never },
  });
  try {
    const answers: Record<string, Problem> = {};
    for (const [what, [, request]] of Object.entries(REQUESTS)) {
      const closing = request.includes('Upgrade') ? request : request.replace('Host: a\r\n', 'Host: a\r\nConnection: close\r\n');
      answers[what] = await ask(site.port, closing);
    }
    return answers;
  } finally {
    await site.stop();
  }
}

test('every refusal and fault is a problem document that nobody keeps, with the security headers of the policy', async () => {
  for (const [what, { status, fields, body }] of Object.entries(await answersWith({}))) {
    assert.equal(status, REQUESTS[what]![0], what);
    assert.equal(fields.get('content-type'), 'application/problem+json', what);
    assert.equal(fields.get('cache-control'), 'no-store', what);
    assert.equal(fields.get('x-content-type-options'), 'nosniff', what);
    assert.equal(fields.has('strict-transport-security'), false, `${what}: it came over plain HTTP`);
    assert.equal(body['type'], 'about:blank', what);
    assert.equal(body['status'], status, what);
    assert.equal(typeof body['title'], 'string', what);
    assert.equal(typeof body['detail'], 'string', what);
    assert.equal('instance' in body, status === 502, `${what}: a fault names its request`);
  }
});

test('without them in the policy there are none', async () => {
  for (const [what, { status, fields }] of Object.entries(await answersWith(false))) {
    assert.equal(status, REQUESTS[what]![0], what);
    assert.equal(fields.has('x-content-type-options'), false, what);
  }
});
