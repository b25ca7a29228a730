/** Stored pages answered straight on the socket, beside the same answered by the HTTP server. */
import assert from 'node:assert/strict';
import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { test } from 'node:test';
import { createCache } from '../../src/cache/index.ts';
import { createGateway } from '../../src/gateway/index.ts';
import { Metrics } from '../../src/kernel/index.ts';
import { createPages, pageCodec, type PageEntry } from '../../src/page/index.ts';
import { routePolicy } from './rig/page-server.ts';
import { ScriptedUpstream } from './rig/scripted-upstream.ts';

test('a 200 and a 304 from prepared bytes say what the full path says', async () => {
  const metrics = new Metrics();
  const upstream = new ScriptedUpstream(() => ({
    headers: { 'content-type': 'text/html', etag: '"v1"' },
    body: 'page '.repeat(1000),
  }));
  const pages = createPages({}, { store: createCache<PageEntry>({ codec: pageCodec }), metrics });
  const gateway = createGateway(
    {
      listen: { port: 0 },
      match: () => ({ route: routePolicy(), params: {} }),
      handle: (exchange) => pages.serve(exchange, upstream),
      prepared: pages.prepared,
    },
    { metrics },
  );
  await gateway.start();
  const agent = new Agent({ keepAlive: true });
  const { port } = new URL(gateway.address);
  const get = (headers: Record<string, string>) =>
    new Promise<{ status: number; headers: IncomingMessage['headers']; text: string }>((resolve, reject) => {
      const sent = httpRequest({ host: '127.0.0.1', port, path: '/plans', agent, headers: { host: 'site.test', ...headers } });
      sent.on('error', reject);
      sent.on('response', (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => (text += chunk));
        response.on('end', () => resolve({ status: response.statusCode!, headers: response.headers, text }));
      });
      sent.end();
    });
  // A field that is not known to be harmless sends a request the full way.
  const fullWay = { 'x-unknown': 'yes' };
  try {
    await get(fullWay);
    await get(fullWay);
    for (const condition of [undefined, '"v1"', 'W/"v1"', '"v0", "v1"', '"v0"']) {
      const headers: Record<string, string> = condition === undefined ? {} : { 'if-none-match': condition };
      const full = await get({ ...headers, ...fullWay });
      // Connections that went the full way once stay there.
      agent.destroy();
      const prepared = await get(headers);
      agent.destroy();
      assert.equal(prepared.status, condition === undefined || condition === '"v0"' ? 200 : 304, condition);
      assert.equal(prepared.status, full.status);
      assert.equal(prepared.text, full.text);
      for (const name of ['etag', 'vary', 'age', 'cache-status', 'content-type', 'content-length', 'date']) {
        assert.equal(prepared.headers[name], full.headers[name], `${name}, ${condition}`);
      }
    }
    assert.equal(upstream.requests.length, 1);
    const fast = metrics.snapshot().families.find(({ name }) => name === 'spillway_http_fast_answers')!;
    assert.equal(
      fast.series.reduce((sum, { value = 0 }) => sum + value, 0),
      5,
    );
  } finally {
    agent.destroy();
    await gateway.stop();
    await pages.close();
  }
});
