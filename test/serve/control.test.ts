/** What an operator does to a running service, and what the service does by itself when its health is bad. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Running } from '../../src/serve.ts';
import { askAdmin } from '../health/ask-admin.ts';
import { eventually } from '../servers/index.ts';
import { startOrigin, type Origin } from './origin.ts';
import { control, fromEveryWorker, get, serve } from './running.ts';

// A busy machine shall not decide anything here.
const UNMOVED = { cpu: 1, memory: 1, responseTime: '10m' } as const;
const anyTimes = { limit: 1000, window: '1h' } as const;

describe('control and adaptation', () => {
  let origin: Origin;
  let running: Running;

  before(async () => {
    origin = await startOrigin();
    running = await serve({
      upstreams: { site: { endpoints: [origin.url], connectTimeout: '500ms' } },
      shed: { maxWait: { critical: '1m', high: '1m', normal: '1m', low: '1m', background: '1m' } },
      pages: { authority: 'plans.example' },
      health: {
        degraded: { ...UNMOVED, errors: 0.01 },
        critical: { ...UNMOVED, errors: 0.02 },
        raiseAfter: '0s',
        recoverAfter: '0s',
      },
      routes: {
        '/counted': { class: 'critical', cache: false, limit: [anyTimes] },
        '/vital': { class: 'critical', cache: false },
        '/dull': { class: 'low', cache: false },
        '/city/:city': { class: 'critical', tags: ['city::city'] },
      },
    });
  });
  after(async () => {
    await running.stop();
    await origin.stop();
  });

  const statusesOf = async (path: string): Promise<number[]> =>
    (await fromEveryWorker(running.siteUrl + path, 12)).map(({ status }) => status);

  test('a client’s quota can be looked at and reset', async () => {
    for (let i = 0; i < 3; i++) assert.equal((await get(`${running.siteUrl}/counted`)).status, 200);
    const peeked = await control(running, '/limits/peek', { key: '127.0.0.1' });
    assert.equal(peeked.status, 200);
    const [standing] = peeked.answer['limits'] as { route: string; remaining: number }[];
    assert.equal(standing!.route, '/counted');
    const reset = await control(running, '/limits/reset', { key: '127.0.0.1', route: '/counted' });
    assert.equal((reset.answer['limits'] as { remaining: number }[])[0]!.remaining, 1000);
  });

  test('a raised shed level refuses the lesser classes on every worker until it is lowered', async () => {
    assert.equal((await control(running, '/shed/level', { level: 5, for: '10m' })).status, 200);
    assert.deepEqual([...new Set(await statusesOf('/dull'))], [503]);
    assert.deepEqual([...new Set(await statusesOf('/vital'))], [200]);
    await control(running, '/shed/level', { level: 0 });
    assert.deepEqual([...new Set(await statusesOf('/dull'))], [200]);
  });

  test('pages can be warmed by name', async () => {
    const { answer } = await control(running, '/warm', { paths: ['/city/laredo'] });
    assert.deepEqual(answer, { queued: 1, refused: 0 });
    await eventually('the page is made', () => origin.renders.get('/city/laredo') === 1);
    await eventually('a visitor finds it', async () => {
      const { headers } = await get(`${running.siteUrl}/city/laredo`, { host: 'plans.example' });
      return headers['cache-status']!.startsWith('spillway; hit');
    });
    assert.equal(origin.renders.get('/city/laredo'), 1);
  });

  test('an endpoint taken out of use stays so over a reload, and comes back', async () => {
    const drain = (drained: boolean) => control(running, '/endpoints/drain', { upstream: 'site', endpoint: origin.url, drained });
    assert.equal((await drain(true)).status, 200);
    assert.deepEqual([...new Set(await statusesOf('/vital'))], [502]);
    assert.equal((await control(running, '/reload', {})).status, 200);
    assert.deepEqual([...new Set(await statusesOf('/vital'))], [502]);
    await drain(false);
    assert.deepEqual([...new Set(await statusesOf('/vital'))], [200]);
    const wrong = await control(running, '/endpoints/drain', { upstream: 'site', endpoint: 'http://127.0.0.1:9' });
    assert.match(JSON.stringify(wrong.answer), /there is no endpoint http:..127.0.0.1:9 of upstream 'site'; it has/);
  });

  test('a worker taken out of service stays so until it is started again; the other one serves', async () => {
    const workers = async (): Promise<string[]> => {
      const rows = await askAdmin<{ name: string; state: string }[]>(`${running.adminUrl}/api/workers`);
      return rows.map(({ name, state }) => `${name} ${state}`);
    };
    assert.equal((await control(running, '/workers/worker 0/drain', {})).status, 200);
    await eventually('it is drained', async () => (await workers()).includes('worker 0 drained'), 30_000);
    assert.deepEqual([...new Set(await statusesOf('/vital'))], [200]);
    assert.equal((await control(running, '/workers/worker 0/restart', {})).status, 200);
    await eventually('it serves again', async () => (await workers()).includes('worker 0 ready'), 30_000);
  });

  test('while the service is critical the workers refuse what matters least, and take it again when it is well', async () => {
    await origin.stop();
    await eventually(
      'low-priority work is refused',
      async () => (await statusesOf('/dull')).every((status) => status === 503),
      30_000,
    );
    await origin.start();
    await eventually(
      'it is served again',
      async () => {
        await statusesOf('/vital');
        return (await statusesOf('/dull')).every((status) => status === 200);
      },
      60_000,
    );
  });
});
