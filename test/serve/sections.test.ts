/** Sections of the config that change what every request gets: batches, subscription tiers, security headers. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { signTier } from '../../src/gateway/index.ts';
import type { Running } from '../../src/serve.ts';
import { startOrigin, type Origin } from './origin.ts';
import { get, serve } from './running.ts';

const SECRET = 'a secret of the test';

describe('sections for every request', () => {
  let origin: Origin;
  let running: Running;

  before(async () => {
    origin = await startOrigin();
    running = await serve({
      workers: 1,
      upstreams: { site: { endpoints: [origin.url] } },
      routes: {
        '/city/:city': { class: 'critical' },
        '/api/:name': { class: 'normal', cache: false, limit: [{ limit: 2, window: '1h' }] },
        '/_batch': { class: 'normal', cache: false },
      },
      batch: {},
      securityHeaders: { frames: 'none' },
      tiers: { cookie: 'tier', secret: SECRET },
      limits: { storeDeadline: '10s', tiers: { premium: 2 } },
    });
  });
  after(async () => {
    await running.stop();
    await origin.stop();
  });

  test('answers carry the security headers they lack, stored ones too', async () => {
    for (const path of ['/city/dallas', '/city/dallas', '/api/fields']) {
      const { headers } = await get(running.siteUrl + path);
      assert.equal(headers['x-content-type-options'], 'nosniff', path);
      assert.equal(headers['x-frame-options'], 'DENY', path);
    }
  });

  test('a batch is answered request by request, each under its own limit', async () => {
    const requests = ['/city/plano', '/api/a', '/api/b', '/api/c'].map((path) => ({ method: 'GET', path }));
    const answer = await fetch(`${running.siteUrl}/_batch`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(requests),
    });
    const answers = (await answer.json()) as { status: number }[];
    // One of the two that the limit allows went to the test before.
    assert.deepEqual(answers.map(({ status }) => status).toSorted(), [200, 200, 429, 429]);
  });

  test('a signed tier raises the limit; a claimed one does not', async () => {
    const cookie = `tier=${signTier('premium', SECRET)}`;
    const url = `${running.siteUrl}/api/tiers`;
    assert.equal((await get(url, { cookie: 'tier=premium.made-up' })).status, 429);
    const statuses: number[] = [];
    for (let i = 0; i < 3; i++) statuses.push((await get(url, { cookie })).status);
    assert.deepEqual(statuses, [200, 200, 429]);
  });
});
