import assert from 'node:assert/strict';
import { request } from 'node:http';
import { test, type TestContext } from 'node:test';
import { ConfigError, Metrics, type SimulatedClock } from '../kernel/index.ts';
import type { AdminActions } from './admin-actions.ts';
import type { AdminOptions } from './admin-options.ts';
import { createAdmin, type AdminParts } from './admin.ts';
import { createHealth } from './health.ts';

const TOKEN = 'a-token-of-16-chars';

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  readonly json: Record<string, unknown>;
}

async function startAdmin(t: TestContext, options: AdminOptions & Partial<AdminParts> = {}, clock?: SimulatedClock) {
  const metrics = new Metrics();
  metrics
    .counter({ name: 'spillway_http_requests', help: 'Requests.', labels: ['class', 'status'] })
    .series({ class: 'high', status: '200' })
    .inc(3);
  const runtime = clock ? { clock } : {};
  const health = createHealth({ sources: async () => [metrics.snapshot()] }, runtime);
  const admin = createAdmin({ port: 0, health, ...options }, runtime);
  await health.collect();
  const url = new URL(await admin.start());
  t.after(() => admin.stop());
  const ask = (method: string, path: string, headers: Record<string, string> = {}, body?: string): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const sent = request({ host: url.hostname, port: url.port, method, path, headers, agent: false }, (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => (text += chunk.toString()));
        response.on('end', () => {
          const json = /json/.test(String(response.headers['content-type'])) ? (JSON.parse(text) as Record<string, unknown>) : {};
          resolve({ status: response.statusCode!, headers: response.headers, text, json });
        });
      });
      sent.on('error', reject);
      sent.end(body);
    });
  const control = { 'content-type': 'application/json', 'spillway-admin': '1' };
  const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
    ask('POST', path, { ...control, ...headers }, JSON.stringify(body));
  return { health, admin, ask, post, url };
}

test('probes answer, and say more to those who may know', async (t) => {
  const { ask } = await startAdmin(t, {
    token: TOKEN,
    readiness: () => ({ started: true, ready: false, reasons: ['draining'] }),
  });
  assert.deepEqual((await ask('GET', '/livez')).json, { status: 'ok' });
  assert.equal((await ask('GET', '/startupz')).status, 200);
  const ready = await ask('GET', '/readyz', { authorization: `Bearer ${TOKEN}` });
  assert.equal(ready.status, 503);
  assert.deepEqual(ready.json['reasons'], ['draining']);
  assert.equal((await ask('GET', '/healthz')).json['status'], 'healthy');
});

test('metrics come in the format the client asks for', async (t) => {
  const { ask } = await startAdmin(t);
  const plain = await ask('GET', '/metrics');
  assert.match(plain.headers['content-type'] as string, /version=0\.0\.4/);
  assert.match(plain.text, /^spillway_http_requests_total\{class="high",status="200"\} 3$/m);
  const open = await ask('GET', '/metrics', { accept: 'application/openmetrics-text;version=1.0.0,text/plain;q=0.5' });
  assert.match(open.headers['content-type'] as string, /openmetrics/);
  assert.match(open.text, /# EOF\n$/);
});

test('other addresses than loopback need a token', () => {
  const health = createHealth({ sources: async () => [] });
  for (const host of ['0.0.0.0', '::', '192.0.2.1', 'example.com'])
    assert.throws(
      () => createAdmin({ host, health }),
      (error) => error instanceof ConfigError && /no token is set/.test(error.message),
    );
  assert.doesNotThrow(() => createAdmin({ host: '0.0.0.0', token: TOKEN, health }));
  for (const host of ['127.0.0.1', 'localhost', '::1']) assert.doesNotThrow(() => createAdmin({ host, health }));
});

test('with a token, figures and control ask for it; a wrong one is refused, and too many wrong ones are slowed down', async (t) => {
  const { ask, post } = await startAdmin(t, { token: TOKEN, actions: { reload: () => ({ reloaded: 2 }) } });
  for (const path of ['/status', '/metrics', '/events', '/api/history', '/api/audit'])
    assert.equal((await ask('GET', path)).status, 401, path);
  assert.equal((await ask('GET', '/')).status, 200);
  assert.equal((await post('/reload', {})).status, 401);
  const right = await post('/reload', {}, { authorization: `Bearer ${TOKEN}` });
  assert.deepEqual([right.status, right.json], [200, { reloaded: 2 }]);
  const wrong = await Promise.all(
    Array.from({ length: 14 }, () => ask('GET', '/status', { authorization: 'Bearer wrong-wrong-wrong' })),
  );
  assert.ok(wrong.some(({ status }) => status === 429));
  assert.ok(wrong.every(({ status, text }) => status !== 200 && !text.includes(TOKEN)));
});

test('a page of another site can neither read nor act', async (t) => {
  const done: string[] = [];
  const { ask, post, url } = await startAdmin(t, { actions: { reload: () => void done.push('reload') } });
  assert.equal((await ask('GET', '/status', { host: `evil.example:${url.port}` })).status, 421);
  assert.equal((await post('/reload', {}, { host: 'evil.example' })).status, 421);
  assert.equal((await post('/reload', {}, { origin: 'http://evil.example' })).status, 403);
  assert.equal((await post('/reload', {}, { 'sec-fetch-site': 'cross-site' })).status, 403);
  assert.equal((await ask('POST', '/reload', { 'content-type': 'text/plain', 'spillway-admin': '1' }, '{}')).status, 415);
  assert.equal((await ask('POST', '/reload', { 'content-type': 'application/json' }, '{}')).status, 403);
  assert.deepEqual(done, []);
  assert.equal((await post('/reload', {}, { origin: url.origin, 'sec-fetch-site': 'same-origin' })).status, 200);
  assert.deepEqual(done, ['reload']);
});

test('an action is checked, performed, noted on the timeline and audited', async (t) => {
  const requests: unknown[] = [];
  const actions: Partial<AdminActions> = {
    purge: (request) => {
      requests.push(request);
      return { memory: 2 };
    },
    drainWorker: ({ id }) => {
      throw new Error(`there is no worker ${id}`);
    },
  };
  const { ask, post, admin, health } = await startAdmin(t, { actions });
  const purged = await post('/purge', { tags: ['city:dallas'], soft: true });
  assert.deepEqual([purged.status, purged.json], [200, { memory: 2 }]);
  assert.deepEqual(requests, [{ tags: ['city:dallas'], paths: [], all: false, soft: true }]);
  const failed = await post('/workers/9/drain', {});
  assert.deepEqual([failed.status, failed.json['detail']], [500, 'there is no worker 9']);
  assert.deepEqual(
    admin.audit.map(({ action, outcome, text }) => [action, outcome, text]),
    [
      ['purge', 'done', 'soft purge tag city:dallas'],
      ['drainWorker', 'failed', 'drain worker 9'],
    ],
  );
  assert.equal(health.timeline.changes.at(-2)?.text, 'soft purge tag city:dallas');
  assert.equal(((await ask('GET', '/api/audit')).json as unknown as unknown[]).length, 2);
});

test('a wrong request says what is wrong; an action nobody handed in says what it needs', async (t) => {
  const { ask, post } = await startAdmin(t, { actions: { purge: () => undefined } });
  assert.deepEqual([(await post('/purge', {})).status, (await post('/purge', { tag: 'x' })).status], [422, 422]);
  assert.match(String((await post('/purge', { tagz: ['a'] })).json['detail']), /unknown option 'tagz'/);
  const missing = await post('/scale', { workers: 4 });
  assert.equal(missing.status, 501);
  assert.match(String(missing.json['detail']), /needs the cluster/);
  assert.equal((await post('/nonsense', {})).status, 404);
  assert.equal((await ask('GET', '/purge')).headers['allow'], 'POST');
  const broken = await ask('POST', '/purge', { 'content-type': 'application/json', 'spillway-admin': '1' }, '{');
  assert.equal(broken.status, 400);
  const actions = (await ask('GET', '/api/actions')).json as unknown as { name: string; available: boolean }[];
  assert.deepEqual(
    actions.filter((one) => one.available).map((one) => one.name),
    ['purge', 'silenceAlert'],
  );
});

test("a key's limits can be looked at and reset; looking leaves the timeline alone", async (t) => {
  const standing = { route: '/api/**', policy: 'default', limit: 100, remaining: 40, resetMs: 30_000 };
  const { post, admin, health } = await startAdmin(t, {
    actions: {
      peekLimits: ({ key, route }) => ({ limits: key === 'user:42' && route === undefined ? [standing] : [] }),
      resetLimits: () => ({ limits: [{ ...standing, remaining: 100, resetMs: 0 }] }),
    },
  });
  const changes = health.timeline.changes.length;
  assert.deepEqual((await post('/limits/peek', { key: 'user:42' })).json, { limits: [standing] });
  assert.deepEqual((await post('/limits/peek', { key: 'user:42', route: '/a' })).json, { limits: [] });
  assert.equal((await post('/limits/peek', {})).status, 422);
  assert.equal(health.timeline.changes.length, changes);
  assert.equal((await post('/limits/reset', { key: 'user:42', route: '/api/**' })).status, 200);
  assert.equal(health.timeline.changes.at(-1)?.text, 'reset the limits of user:42 on /api/**');
  assert.equal(admin.audit.length, 3);
});

test('the page comes with a policy that lets nothing in from elsewhere', async (t) => {
  const { ask } = await startAdmin(t);
  const page = await ask('GET', '/');
  assert.match(page.headers['content-security-policy'] as string, /default-src 'none'.*frame-ancestors 'none'/);
  assert.equal(
    (await ask('GET', '/app.js', { 'if-none-match': (await ask('GET', '/app.js')).headers['etag'] as string })).status,
    304,
  );
});
