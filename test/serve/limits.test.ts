/** Limits and shedding as the config declares them, in one worker. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Running } from '../../src/serve.ts';
import { startOrigin, type Origin } from './origin.ts';
import { get, serve } from './running.ts';

describe('the sections limits and shed', () => {
  let origin: Origin;
  let running: Running;

  before(async () => {
    origin = await startOrigin();
    running = await serve({
      workers: 1,
      upstreams: { site: { endpoints: [origin.url] } },
      routes: {
        '/api/:name': { class: 'normal', cache: false, limit: [{ limit: 4, window: '1h' }] },
        '/keyed/:name': { class: 'normal', cache: false, limit: [{ limit: 1, window: '1h', by: 'apiKey' }] },
      },
      limits: {
        storeDeadline: '10s',
        slowDown: { after: 2, delay: '300ms', maxDelay: '300ms' },
        apiKeyHeader: 'x-team',
        legacyHeaders: false,
      },
    });
  });
  after(async () => {
    await running.stop();
    await origin.stop();
  });

  test('requests beyond a share of the limit are held back, and those beyond the limit refused', async () => {
    const url = `${running.siteUrl}/api/list`;
    const heldMs: number[] = [];
    for (let i = 0; i < 4; i++) {
      const began = performance.now();
      assert.equal((await get(url)).status, 200);
      heldMs.push(performance.now() - began);
    }
    // A request may always take longer, but one that was held back never less.
    assert.ok(heldMs[2]! >= 299 && heldMs[3]! >= 299, `held back ${heldMs.join(', ')} ms`);
    assert.equal((await get(url)).status, 429);
  });

  test('the header of the API key and the choice of fields are obeyed', async () => {
    const url = `${running.siteUrl}/keyed/list`;
    assert.equal((await get(url, { 'x-team': 'a' })).status, 200);
    const refused = await get(url, { 'x-team': 'a' });
    assert.equal(refused.status, 429);
    assert.ok(refused.headers['ratelimit']);
    assert.equal(refused.headers['x-ratelimit-limit'], undefined);
    assert.equal((await get(url, { 'x-team': 'b' })).status, 200);
  });
});
