/** Workers tell each other which endpoints fail. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import type { Running } from '../../src/serve.ts';
import { control, get, serve } from './running.ts';

const FAILURES_TO_OPEN = 5;

describe('an endpoint that fails', () => {
  let origin: Server;
  let running: Running;
  let asked = 0;

  before(async () => {
    origin = createServer((_, response) => {
      asked++;
      response.writeHead(500).end();
    }).listen(0, '127.0.0.1');
    await once(origin, 'listening');
    running = await serve({
      upstreams: {
        site: {
          endpoints: [`http://127.0.0.1:${(origin.address() as AddressInfo).port}`],
          breaker: { consecutiveFailures: FAILURES_TO_OPEN, minimumCalls: 1000, openFor: '10m', openForMax: '10m' },
        },
      },
      routes: { '/**': { class: 'api', cache: false } },
    });
  });
  after(async () => {
    await running.stop();
    origin.closeAllConnections();
    origin.close();
  });

  test('costs the second worker one request, not as many as its breaker needs', async () => {
    const toOneWorker = new Agent({ keepAlive: true, maxSockets: 1 });
    for (let i = 0; i < FAILURES_TO_OPEN; i++) {
      assert.equal((await get(`${running.siteUrl}/page`, {}, toOneWorker)).status, 500);
    }
    assert.equal((await get(`${running.siteUrl}/page`, {}, toOneWorker)).status, 503);
    assert.equal(asked, FAILURES_TO_OPEN);
    // What a worker is told and what it is asked come through one pipe in order: when the first worker has answered, its
    // hint is with the primary; when the second has answered after that, the hint was with it.
    for (let i = 0; i < 2; i++) assert.equal((await control(running, '/shed/level', { level: 0 })).status, 200);
    // Each on a connection of its own: some reach the other worker.
    const statuses: number[] = [];
    for (let i = 0; i < 40; i++) statuses.push((await get(`${running.siteUrl}/page`)).status);
    assert.equal(asked, FAILURES_TO_OPEN + 1);
    assert.equal(statuses.filter((status) => status === 500).length, 1);
    toOneWorker.destroy();
  });
});
