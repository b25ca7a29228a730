/** Two machines, two workers each, on one real Redis: one cache, one set of limits. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Running } from '../../src/serve.ts';
import { eventually, startRedis, type RedisServer } from '../servers/index.ts';
import { startOrigin, type Origin } from './origin.ts';
import { control, fromEveryWorker, get, rendersIn, serve } from './running.ts';

describe('a fleet on Redis', () => {
  let redis: RedisServer;
  let origin: Origin;
  let machines: readonly Running[] = [];

  before(async () => {
    [redis, origin] = await Promise.all([startRedis(), startOrigin()]);
    const config = {
      redis: redis.url,
      upstreams: { site: { endpoints: [origin.url] } },
      routes: {
        '/city/:city': { class: 'critical', tags: ['city::city'] },
        '/limited': { class: 'critical', cache: false, limit: [{ limit: 5, window: '1m' }] },
      },
    };
    machines = await Promise.all([serve(config), serve(config)]);
  });
  after(async () => {
    await Promise.all(machines.map((machine) => machine.stop()));
    await Promise.all([origin.stop(), redis.stop()]);
  });

  // One site under one name, whichever machine serves it.
  const headers = { host: 'plans.example' };
  const everywhere = async (path: string) =>
    (await Promise.all(machines.map((machine) => fromEveryWorker(machine.siteUrl + path, 12, headers)))).flat();

  test('what one machine has rendered, the other serves', async () => {
    await eventually(
      'every process serves the same rendering',
      async () => rendersIn(await everywhere('/city/dallas')).length === 1,
    );
    const renders = origin.renders.get('/city/dallas');
    await everywhere('/city/dallas');
    assert.equal(origin.renders.get('/city/dallas'), renders);
  });

  test('a purge on one machine reaches the other', async () => {
    const before = rendersIn(await everywhere('/city/waco'));
    const { status } = await control(machines[0]!, '/purge', { tags: ['city:waco'] });
    assert.equal(status, 200);
    await eventually('no machine serves what was purged', async () => {
      const now = rendersIn(await everywhere('/city/waco'));
      return now.every((render) => !before.includes(render));
    });
  });

  test('a limit counts for the fleet as a whole', async () => {
    const answers = await everywhere('/limited');
    assert.equal(answers.filter(({ status }) => status === 200).length, 5);
    for (const { status } of answers) assert.ok(status === 200 || status === 429, `answered ${status}`);
  });

  test('with Redis gone, pages are still answered', async () => {
    await everywhere('/city/plano');
    await redis.process.kill();
    const answers = await everywhere('/city/plano');
    for (const { status } of answers) assert.equal(status, 200);
    assert.equal((await get(`${machines[1]!.siteUrl}/city/new`, headers)).status, 200);
  });
});
