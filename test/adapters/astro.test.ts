/** An Astro site, built once and run as two instances behind two Spillway gateways on one Redis. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Running } from '../../src/serve.ts';
import { eventually, freePort, startRedis, type RedisServer } from '../servers/index.ts';
import { get, serve, type Answer } from '../serve/running.ts';
import { buildApp, startApp, type Instance } from './apps.ts';
import { startCountingOrigin, type CountingOrigin } from './counting-origin.ts';

let redis: RedisServer | undefined;
let origin: CountingOrigin;
let instances: Instance[] = [];
let gateways: Running[] = [];

before(async () => {
  await buildApp('astro', ['astro/bin/astro.mjs', 'build']);
  [redis, origin] = await Promise.all([startRedis(), startCountingOrigin()]);
  const adminPort = await freePort();
  const env = { ORIGIN: origin.url, SPILLWAY_ADMIN_URL: `http://127.0.0.1:${adminPort}` };
  instances = await Promise.all([1, 2].map(() => startApp('astro', ['astro/.output/server/entry.mjs'], env, '/cities/waco')));
  // The gateways know nothing of the site: what it says is what they do.
  const endpoints = instances.map(({ url }) => url);
  const config = { redis: redis.url, workers: 1, upstreams: { site: { endpoints } } };
  gateways = [await serve({ ...config, admin: { port: adminPort } }), await serve(config)];
});

after(async () => {
  await Promise.all(gateways.map((gateway) => gateway.stop()));
  await Promise.all(instances.map((instance) => instance.process.kill()));
  await origin?.stop();
  await redis?.stop();
});

async function fromBoth(path: string, times = 1): Promise<Answer[]> {
  const asked = gateways.flatMap(({ siteUrl }) => Array.from({ length: times }, () => siteUrl + path));
  return Promise.all(asked.map((url) => get(url, { host: 'plans.example' })));
}

const countIn = ({ status, text }: Answer): string => {
  assert.equal(status, 200, text);
  return /<p>(.*?)<\/p>/.exec(text)![1]!;
};

test('the site says how long its pages are good for, and what they and their components depend on', async () => {
  const { headers } = await get(`${instances[0]!.url}/plans/austin`);
  assert.equal(headers['cache-control'], 'public, max-age=3600, s-maxage=7200');
  assert.equal(headers['cdn-cache-control'], 'max-age=900, stale-while-revalidate=86400, stale-if-error=86400');
  assert.equal(headers['cache-tag'], 'city:austin, provider:7, prices');
});

test('a page is rendered once for both gateways', async () => {
  const answers = await fromBoth('/plans/dallas', 5);
  assert.deepEqual([...new Set(answers.map(countIn))], ['1']);
  assert.equal(origin.count('/plans/dallas'), 1);
});

test('a tag that the site invalidates is purged from both gateways', async () => {
  for (const [tag, count] of [
    ['city:waco', '2'],
    ['prices', '3'],
    ['provider:7', '4'],
  ] as const) {
    await fromBoth('/plans/waco');
    const answer = await fetch(`${instances[1]!.url}/invalidate?tag=${tag}`, { method: 'POST' });
    assert.equal(answer.status, 200, await answer.text());
    await eventually(`both serve what was rendered after ${tag}`, async () =>
      (await fromBoth('/plans/waco')).every((page) => countIn(page) === count),
    );
    assert.equal(origin.count('/plans/waco'), Number(count));
  }
});

test('a page that must not be stored is not', async () => {
  const answers = await fromBoth('/account');
  assert.deepEqual(answers.map(countIn).toSorted(), ['1', '2']);
  assert.equal(answers[0]!.headers['cache-control'], 'private, no-store');
});

test('a page that breaks while it renders is an error, and is not stored', async () => {
  const [broken] = await fromBoth('/plans/broken');
  assert.equal(broken!.status, 500);
  assert.ok(!broken!.text.includes('<p>'));
});

test('pages of the plan are built ahead', async () => {
  const [page] = await fromBoth('/cities/dallas');
  assert.match(countIn(page!), /^Dallas, tier \d$/);
});
