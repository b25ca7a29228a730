/** A Next.js application, built once and run as two instances on one Redis, with Spillway as its cache. */
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
  await buildApp('next', ['next/dist/bin/next', 'build']);
  [redis, origin] = await Promise.all([startRedis(), startCountingOrigin()]);
  const env = { REDIS_URL: redis.url, ORIGIN: origin.url };
  const command = (port: number) => ['node_modules/next/dist/bin/next', 'start', '-H', '127.0.0.1', '-p', String(port)];
  instances = await Promise.all([1, 2].map(() => startApp('next', command, env, '/data?id=ready')));
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
  return answers.map(({ text }) => /<p>(.*?)<\/p>/.exec(text)?.[1]?.replaceAll('<!-- -->', '') ?? text);
}

/** Next revalidates after it has answered. */
async function bothAnswer(path: string, wanted: string): Promise<void> {
  await eventually(`both answer ${wanted}`, async () => (await fromBoth(path)).every((answer) => answer === wanted), 30_000);
}

async function revalidate(instance: Instance, query: string): Promise<void> {
  const answer = await fetch(`${instance.url}/revalidate?${query}`, { method: 'POST' });
  assert.equal(answer.status, 200);
}

test('a page that nobody has is rendered once for both instances', async () => {
  assert.deepEqual([...new Set(await fromBoth('/isr/cold', 10))], ['1']);
  assert.equal(origin.count('/isr/cold'), 1);
});

test('an overdue page is rendered once per interval for both instances', async () => {
  await eventually('the third rendering is served', async () => (await fromBoth('/isr/busy', 4)).includes('3'), 60_000);
  assert.ok(origin.shortestGapMs('/isr/busy') >= 2000, `two renderings within ${origin.shortestGapMs('/isr/busy')} ms`);
});

test('a tag revalidated on one instance reaches both, and each makes what it lacks once', async () => {
  assert.deepEqual(await fromBoth('/tagged/a'), ['1 1', '1 1']);
  await revalidate(instances[0]!, 'tag=item:a');
  await bothAnswer('/tagged/a', '2 2');
  assert.equal(origin.count('/tagged/a'), 2);
  assert.equal(origin.count('/data/a'), 2);
});

test('a tag revalidated softly serves the old page until the new one is there, rendered once', async () => {
  assert.deepEqual(await fromBoth('/tagged/b'), ['1 1', '1 1']);
  await revalidate(instances[1]!, 'tag=item:b&profile=max');
  const seen = new Set<string>();
  await eventually('both have the new page', async () => {
    const answers = await fromBoth('/tagged/b', 3);
    for (const answer of answers) seen.add(answer);
    return answers.every((answer) => answer === '2 2');
  });
  assert.deepEqual([...seen], ['1 1', '2 2']);
  assert.equal(origin.count('/tagged/b'), 2);
});

test('a path revalidated on one instance reaches both, with the data that was fetched for it', async () => {
  assert.deepEqual(await fromBoth('/tagged/c'), ['1 1', '1 1']);
  await revalidate(instances[1]!, 'path=/tagged/c');
  await bothAnswer('/tagged/c', '2 2');
});

test('what a function with `use cache` returned is computed once per interval for both instances', async () => {
  assert.deepEqual([...new Set(await fromBoth('/data?id=1', 10))], ['1']);
  await eventually('the third result is served', async () => (await fromBoth('/data?id=1', 4)).includes('3'), 60_000);
  // The interval counts from when Next began, which is some time before the origin is asked.
  assert.ok(origin.shortestGapMs('/plan/1') >= 1000, `two computations within ${origin.shortestGapMs('/plan/1')} ms`);
});

test('`use cache` hears of a tag from the other instance', async () => {
  assert.deepEqual(await fromBoth('/data?id=2'), ['1', '1']);
  await revalidate(instances[0]!, 'tag=plan:2');
  await bothAnswer('/data?id=2', '2');
});
