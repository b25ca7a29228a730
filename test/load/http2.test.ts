/** HTTP/2 against node:http2, without TLS. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type ServerHttp2Session } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { constant, defineLoad, runLoad, type LoadReport, type Scenario } from '../../src/load/index.ts';

async function loadOn(
  scenario: Scenario,
  timeout = '5s',
  maxConcurrentStreams = 50,
): Promise<{ report: LoadReport; most: number; sessions: number }> {
  const sessions = new Set<ServerHttp2Session>();
  let [running, most] = [0, 0];
  const server = createServer({ settings: { maxConcurrentStreams } }, (request, response) => {
    most = Math.max(most, ++running);
    response.on('close', () => running--);
    if (request.url === '/never') return;
    if (request.url === '/reset') return response.stream.close(2);
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    // An answer takes a moment, so that requests share the connection.
    request.on('end', () => setTimeout(() => response.writeHead(200, { 'x-method': request.method }).end(`hello ${body}`), 20));
  });
  let opened = 0;
  server.on('session', (session) => (opened++, sessions.add(session)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const target = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const definition = defineLoad({ target, arrival: constant('200/s').for('500ms'), scenarios: { one: scenario } });
  const report = await runLoad(definition, { http2: true, timeout });
  for (const session of sessions) session.destroy();
  server.close();
  return { report, most, sessions: opened };
}

test('many requests share one connection', async () => {
  const { report, most, sessions } = await loadOn({ requests: [{ path: '/' }] });
  assert.equal(report.completed, 100);
  assert.equal(sessions, 1);
  assert.ok(most > 1);
  assert.ok(report.generator.bytesRead > 0);
});

test("the server's limit of streams is kept, and what waits is timed", async () => {
  const { report, most } = await loadOn({ requests: [{ path: '/' }] }, '5s', 2);
  assert.equal(most, 2);
  assert.equal(report.completed, 100);
  assert.ok(report.latency.max! > 300, `100 requests of 20 ms, two at a time: ${report.latency.max}`);
});

test('bodies and fields go both ways', async () => {
  const { report } = await loadOn({
    exec: async ({ post, check }) => {
      const answer = await post('/', { body: 'you' });
      check('echo', answer.text() === 'hello you' && answer.header('X-Method') === 'POST');
    },
  });
  assert.deepEqual(report.checks, [{ name: 'echo', scenario: 'one', passed: 100, failed: 0 }]);
});

test('faults have their kinds', async () => {
  assert.deepEqual((await loadOn({ requests: [{ path: '/never' }] }, '300ms', 200)).report.errors, { timeout: 100 });
  assert.equal((await loadOn({ requests: [{ path: '/reset' }] })).report.failed, 100);
});
