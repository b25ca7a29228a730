import assert from 'node:assert/strict';
import type { RequestListener } from 'node:http';
import { afterEach, describe, test } from 'node:test';
import { request } from 'undici';
import { createBalancedFetch, type BalancedFetch } from '../../src/balance/index.ts';
import { bodyOf, Origin } from './support.ts';

const origins: Origin[] = [];
let subject: BalancedFetch | undefined;
afterEach(async () => {
  await subject?.dispatcher.destroy();
  for (const origin of origins.splice(0)) await origin.kill();
});

async function start(...listeners: RequestListener[]): Promise<string[]> {
  for (const listener of listeners) origins.push(await Origin.start(listener));
  return origins.map(({ url }) => url);
}

function over(endpoints: string[], options: object = {}): BalancedFetch {
  return (subject = createBalancedFetch({ endpoints, strategy: 'roundRobin', slowStart: 0, ...options }));
}

describe('fetch over balanced endpoints', () => {
  test('spreads requests, bodies and streams included', async () => {
    const echo =
      (name: string): RequestListener =>
      async (message, response) =>
        response.end(`${name} ${message.method} ${message.url} ${await bodyOf(message)}`);
    const fetch = over(await start(echo('a'), echo('b')));
    const post = (): Promise<string> => fetch('/x?y=1', { method: 'POST', body: 'hello' }).then((answer) => answer.text());
    const answers = await Promise.all([post(), post(), post(), post()]);
    assert.deepEqual([...new Set(answers)].sort(), ['a POST /x?y=1 hello', 'b POST /x?y=1 hello']);
    assert.deepEqual(
      fetch.dispatcher.balancer.status().map(({ picks, inFlight, failures }) => ({ picks, inFlight, failures })),
      [
        { picks: 2, inFlight: 0, failures: 0 },
        { picks: 2, inFlight: 0, failures: 0 },
      ],
    );
  });

  test('asks another endpoint when one is gone or unwell, for what is safe to repeat', async () => {
    const [gone, unwell, well] = await start(
      (_, response) => response.end(),
      (_, response) => response.writeHead(503, { 'retry-after': '1' }).end('later'),
      (_, response) => response.end('well'),
    );
    await origins.shift()!.kill();
    const fetch = over([gone!, unwell!, well!], { retries: 2, outliers: { consecutiveFailures: 1000 } });
    for (let i = 0; i < 9; i++) assert.equal(await (await fetch('/')).text(), 'well');
    const statuses = new Set<number | string>();
    for (let i = 0; i < 9; i++) {
      const answer = await fetch('/', { method: 'POST' }).catch(() => undefined);
      statuses.add(answer?.status ?? 'failed');
      await answer?.text();
    }
    assert.deepEqual([...statuses].map(String).sort(), ['200', '503']);
    assert.ok(statuses.has(503), 'what may not be repeated is answered as it was');
  });

  test('leaves a request that its caller gave up out of the judgement', async () => {
    const fetch = over(
      await start(
        () => {},
        (_, response) => response.end(),
      ),
    );
    for (let i = 0; i < 8; i++) await fetch('/', { signal: AbortSignal.timeout(50) }).catch(() => {});
    assert.deepEqual([...new Set(fetch.dispatcher.balancer.status().map(({ failures }) => failures))], [0]);
  });

  test('is a dispatcher for the rest of undici, and sends what is for others where it says', async () => {
    const [a, other] = await start(
      (_, response) => response.end('a'),
      (_, response) => response.end('other'),
    );
    const { dispatcher } = over([a!]);
    const ask = async (url: string): Promise<string> => (await request(url, { dispatcher })).body.text();
    assert.equal(await ask(`${dispatcher.origin}/`), 'a');
    assert.equal(await ask(`${a}/`), 'a');
    assert.equal(await ask(`${other}/`), 'other');
  });

  test('says why when there is nobody to ask', async () => {
    const fetch = over(await start((_, response) => response.end()));
    await fetch.dispatcher.balancer.drain(fetch.dispatcher.balancer.endpoints[0]!);
    await assert.rejects(
      fetch('/'),
      (error: Error) => (error.cause as { code?: string }).code === 'SPILLWAY_UPSTREAM_UNAVAILABLE',
    );
  });
});
