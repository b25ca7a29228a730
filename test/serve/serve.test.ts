/** The whole house: a primary, two workers, one store, before a real origin. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { brotliDecompressSync } from 'node:zlib';
import type { Running } from '../../src/serve.ts';
import { eventually } from '../servers/index.ts';
import { startOrigin, type Origin } from './origin.ts';
import { control, fromEveryWorker, get, rendersIn, serve } from './running.ts';

describe('spillway start', () => {
  let origin: Origin;
  let running: Running;

  before(async () => {
    origin = await startOrigin();
    running = await serve({
      upstreams: { site: { endpoints: [origin.url], connectTimeout: '500ms' } },
      routes: {
        '/city/:city': { class: 'critical', tags: ['city::city'] },
        '/brief': { class: 'normal', revalidate: '1s', grace: '1h' },
        '/limited': { class: 'normal', cache: false, limit: [{ limit: 2, window: '1m' }] },
      },
      securityHeaders: {},
    });
  });
  after(async () => {
    await running.stop();
    await origin.stop();
  });

  test('a page is rendered once for both workers, and then hit on each', async () => {
    const answers = await fromEveryWorker(`${running.siteUrl}/city/dallas`);
    assert.deepEqual(rendersIn(answers), ['render 1']);
    const again = await fromEveryWorker(`${running.siteUrl}/city/dallas`);
    for (const answer of again) assert.match(answer.headers['cache-status']!, /^spillway; hit/);
    assert.equal(origin.renders.get('/city/dallas'), 1);
  });

  test('a stored page answers conditions with 304 and clients that take brotli with stored brotli', async () => {
    const url = `${running.siteUrl}/city/austin`;
    await get(url);
    const { headers } = await get(url);
    assert.equal((await get(url, { 'if-none-match': headers['etag']! })).status, 304);
    await eventually('the page is stored in brotli', async () => {
      const packed = await get(url, { 'accept-encoding': 'br' });
      return packed.headers['content-encoding'] === 'br' && brotliDecompressSync(packed.body).toString().includes('austin');
    });
    assert.equal(origin.renders.get('/city/austin'), 1);
  });

  test('a purge by tag is in force on every worker when it returns; other pages stay', async () => {
    const [houston, plano] = [`${running.siteUrl}/city/houston`, `${running.siteUrl}/city/plano`];
    await fromEveryWorker(houston);
    await fromEveryWorker(plano);
    const { status, answer } = await control(running, '/purge', { tags: ['city:houston'] });
    assert.equal(status, 200, JSON.stringify(answer));
    assert.deepEqual(rendersIn(await fromEveryWorker(houston)), ['render 2']);
    assert.deepEqual(rendersIn(await fromEveryWorker(plano)), ['render 1']);
  });

  test('a reported price change of 5 % takes effect at once, a smaller one in its time', async () => {
    const url = `${running.siteUrl}/city/waco`;
    await fromEveryWorker(url);
    await control(running, '/changes', { tag: 'page:city:waco', field: 'price', before: 100, after: 104 });
    assert.deepEqual(rendersIn(await fromEveryWorker(url)), ['render 1']);
    await control(running, '/changes', { tag: 'page:city:waco', field: 'price', before: 100, after: 105 });
    assert.deepEqual(rendersIn(await fromEveryWorker(url)), ['render 2']);
  });

  test('a limit holds for both workers together, and outlives them; 429 says when to come back', async () => {
    const url = `${running.siteUrl}/limited`;
    const answers = await fromEveryWorker(url, 12);
    assert.equal(answers.filter(({ status }) => status === 200).length, 2);
    assert.equal((await control(running, '/reload', {})).status, 200);
    const refused = await get(url);
    assert.equal(refused.status, 429);
    assert.ok(Number(refused.headers['retry-after']) > 0);
    assert.equal(refused.headers['content-type'], 'application/problem+json');
    assert.equal(refused.headers['x-content-type-options'], 'nosniff');
  });

  test('with the origin gone cached pages serve stale, others are a 502 problem, and it heals by itself', async () => {
    const url = `${running.siteUrl}/brief`;
    await fromEveryWorker(url);
    await origin.stop();
    await eventually('a stale page is marked so', async () => {
      const answer = await get(url);
      assert.equal(answer.status, 200);
      // A negative ttl says how long it has been stale (RFC 9211 §2.4).
      return /^spillway; hit; ttl=-\d+/.test(answer.headers['cache-status']!);
    });
    const missing = await get(`${running.siteUrl}/city/never-seen`);
    assert.equal(missing.status, 502);
    assert.equal(missing.headers['content-type'], 'application/problem+json');
    assert.equal(missing.headers['x-content-type-options'], 'nosniff');
    await origin.start();
    await eventually('the origin is asked again', async () => (await get(`${running.siteUrl}/city/never-seen`)).status === 200);
  });

  test('metrics of both workers add up, and the service says it is ready', async () => {
    const text = await (await fetch(`${running.adminUrl}/metrics`)).text();
    assert.match(text, /^spillway_http_requests_total\{/m);
    assert.equal((await fetch(`${running.adminUrl}/readyz`)).status, 200);
  });
});

test('a stop lets running requests finish', async () => {
  const origin = await startOrigin();
  const running = await serve({ upstreams: { site: { endpoints: [origin.url] } } });
  const slow = Array.from({ length: 8 }, () => get(`${running.siteUrl}/slow/page`));
  await eventually('all requests are on their way', () => origin.renders.get('/slow/page') === 8);
  const stopped = running.stop();
  for (const answer of await Promise.all(slow)) assert.equal(answer.status, 200);
  await stopped;
  await assert.rejects(get(`${running.siteUrl}/city/dallas`));
  await origin.stop();
});
