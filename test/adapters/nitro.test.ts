/** A Nitro server with a cached handler, built once and run as two instances on one Redis, with Spillway as its cache storage. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { eventually, startRedis, type RedisServer } from '../servers/index.ts';
import { get } from '../serve/running.ts';
import { buildApp, startApp, type Instance } from './apps.ts';
import { startCountingOrigin, type CountingOrigin } from './counting-origin.ts';

let redis: RedisServer | undefined;
let origin: CountingOrigin;
let instances: Instance[] = [];

before(async () => {
  await buildApp('nitro', ['nitro/dist/cli/index.mjs', 'build']);
  [redis, origin] = await Promise.all([startRedis(), startCountingOrigin()]);
  const env = { REDIS_URL: redis.url, ORIGIN: origin.url };
  instances = await Promise.all([1, 2].map(() => startApp('nitro', ['nitro/.output/server/index.mjs'], env, '/plans/ready')));
});

after(async () => {
  await Promise.all(instances.map((instance) => instance.process.kill()));
  await origin?.stop();
  await redis?.stop();
});

/** What both instances answer, `times` times each and all at once. */
async function fromBoth(path: string, times = 1): Promise<string[]> {
  const answers = await Promise.all(instances.flatMap(({ url }) => Array.from({ length: times }, () => get(url + path))));
  for (const { status, text } of answers) assert.equal(status, 200, text);
  return answers.map(({ text }) => text);
}

test('a cached handler that nobody has asked before runs once for both instances', async () => {
  assert.deepEqual([...new Set(await fromBoth('/plans/cold', 10))], ['1']);
  assert.equal(origin.count('/plans/cold'), 1);
});

test('a cached handler runs once per interval for both instances', async () => {
  await eventually('the third answer is served', async () => (await fromBoth('/plans/busy', 4)).includes('3'), 60_000);
  assert.ok(origin.shortestGapMs('/plans/busy') >= 2000, `it ran twice within ${origin.shortestGapMs('/plans/busy')} ms`);
});

test('a tag of the answer invalidates it on both instances', async () => {
  assert.deepEqual(await fromBoth('/prices/waco'), ['1', '1']);
  await get(`${instances[0]!.url}/invalidate?tag=city:waco`);
  assert.deepEqual(await fromBoth('/prices/waco'), ['2', '2']);
  assert.deepEqual(await fromBoth('/prices/waco'), ['2', '2']);
});
