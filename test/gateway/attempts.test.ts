import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { after, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '../servers/index.ts';
import { Origin, startSite, type Site } from './support.ts';

const cleanups: (() => Promise<unknown>)[] = [];
after(async () => {
  for (const cleanup of cleanups.toReversed()) await cleanup();
});

/** Origins that answer with their number, as `behave` lets them. */
async function origins(
  count: number,
  behave: (number: number) => 'answer' | 'hang' | number = () => 'answer',
): Promise<Origin[]> {
  return Promise.all(
    Array.from({ length: count }, async (_, number) => {
      const origin = await Origin.start((_request, response) => {
        const behaviour = behave(number);
        if (behaviour === 'hang') return;
        response.statusCode = behaviour === 'answer' ? 200 : behaviour;
        response.end(String(number));
      });
      cleanups.push(() => origin.kill().catch(() => {}));
      return origin;
    }),
  );
}

async function site(endpoints: Origin[], upstream: NonNullable<Parameters<typeof startSite>[1]>['upstream']): Promise<Site> {
  const started = await startSite(
    endpoints.map((origin) => origin.url),
    { upstream: { strategy: 'roundRobin', ...upstream } },
  );
  cleanups.push(() => started.stop());
  return started;
}

const get = (site: Site, init: RequestInit = {}): Promise<Response> => fetch(`http://127.0.0.1:${site.port}/`, init);

describe('attempts', () => {
  test('one that takes too long is given up for another', async () => {
    const all = await origins(2, (number) => (number === 0 ? 'hang' : 'answer'));
    const subject = await site(all, { attemptTimeout: '100ms', outliers: { consecutiveFailures: 1000 } });
    for (let i = 0; i < 6; i++) assert.equal(await (await get(subject)).text(), '1');
    assert.ok(subject.proxy.balancers.get('site')!.endpoints[0]!.failures >= 2);
  });

  test('a hedge answers for whoever is slow, and is no failure of it', async () => {
    const all = await origins(2, (number) => (number === 0 ? 'hang' : 'answer'));
    const subject = await site(all, { hedgeAfter: '60ms' });
    for (let i = 0; i < 6; i++) assert.equal(await (await get(subject)).text(), '1');
    const [slow] = subject.proxy.balancers.get('site')!.endpoints;
    assert.equal(slow!.failures, 0);
    assert.equal(slow!.inFlight, 0);
  });

  test('503 is tried elsewhere; 500 is an answer', async () => {
    const busy = await site(await origins(2, (number) => (number === 0 ? 503 : 'answer')), {});
    for (let i = 0; i < 4; i++) assert.equal((await get(busy)).status, 200);
    const broken = await site(await origins(2, () => 500), {});
    assert.equal((await get(broken)).status, 500);
  });

  test('a budget bounds retries, whatever happens', async () => {
    const all = await origins(2, () => 503);
    const subject = await site(all, { retries: { attempts: 1, budget: 0.2 }, outliers: { consecutiveFailures: 1000 } });
    for (let i = 0; i < 100; i++) assert.equal((await get(subject)).status, 503);
    const made = all[0]!.requests + all[1]!.requests;
    assert.ok(made > 120 && made <= 131, `${made} requests for 100`);
  });

  test('endpoints that answer 500 at once are left alone after a few', async () => {
    const all = await origins(5, (number) => (number === 2 ? 500 : 'answer'));
    const subject = await site(all, { strategy: 'adaptive' });
    const statuses = [];
    for (let i = 0; i < 1000; i++) {
      const response = await get(subject);
      await response.text();
      statuses.push(response.status);
    }
    assert.ok(statuses.filter((status) => status === 500).length <= 6);
  });
});

describe('connections to an endpoint', () => {
  test('one that the endpoint closed as it was used again is replaced, and that is no failure', async () => {
    const used = new WeakSet<object>();
    const origin = await Origin.start((request, response) => {
      if (used.has(request.socket)) return request.socket.destroy();
      used.add(request.socket);
      request.resume().on('end', () => response.end('ok'));
    });
    cleanups.push(() => origin.kill().catch(() => {}));
    const subject = await site([origin], { retries: { attempts: 0 } });
    for (let i = 0; i < 6; i++) assert.equal(await (await get(subject)).text(), 'ok');
    assert.equal(subject.proxy.balancers.get('site')!.endpoints[0]!.failures, 0);
    // Whether a POST was carried out is not known.
    assert.equal((await get(subject, { method: 'POST', body: 'pay' })).status, 502);
  });

  test('no more than the limit are opened; the other requests wait for them', async () => {
    let most = 0;
    const origin: Origin = await Origin.start((_, response) => {
      most = Math.max(most, origin.sockets.size);
      setImmediate(() => response.end('ok'));
    });
    cleanups.push(() => origin.kill().catch(() => {}));
    const subject = await site([origin], { maxConnections: 2 });
    const answers = await Promise.all(Array.from({ length: 40 }, async () => (await get(subject)).text()));
    assert.deepEqual([...new Set(answers)], ['ok']);
    assert.equal(most, 2);
  });

  test('whoever gives up waiting does not use one up', async () => {
    const held: ServerResponse[] = [];
    const origin = await Origin.start((_, response) => void held.push(response));
    cleanups.push(() => origin.kill().catch(() => {}));
    const subject = await site([origin], { maxConnections: 1 });
    const first = get(subject);
    await eventually('the only connection is busy', () => held.length === 1);
    const impatient = new AbortController();
    const second = get(subject, { signal: impatient.signal });
    await eventually('it waits', () => subject.gateway.inFlight === 2);
    impatient.abort();
    await assert.rejects(second);
    await eventually('it is gone', () => subject.gateway.inFlight === 1);
    held[0]!.end('ok');
    assert.equal(await (await first).text(), 'ok');
    const third = get(subject);
    await eventually('the third is there', () => held.length === 2);
    held[1]!.end('ok');
    assert.equal(await (await third).text(), 'ok');
  });

  test('an idle one is closed in time, and one on which bytes come unasked at once', async () => {
    const origin = await Origin.start((_, response) => response.end('ok'));
    cleanups.push(() => origin.kill().catch(() => {}));
    const subject = await site([origin], { idleTimeout: '50ms' });
    await (await get(subject)).text();
    await eventually('it is closed', () => origin.sockets.size === 0);
    const other = await site([origin], {});
    await (await get(other)).text();
    for (const socket of origin.sockets) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil');
    await eventually('it is closed', () => origin.sockets.size === 0);
    assert.equal(await (await get(other)).text(), 'ok');
  });

  test('an answer that pauses too long is broken off; one that waits for its client is not', async () => {
    const origin = await Origin.start((request, response) => {
      if (request.url === '/pauses') response.write('half');
      else response.end(Buffer.alloc(20_000_000));
    });
    cleanups.push(() => origin.kill().catch(() => {}));
    const strict = await site([origin], { bodyTimeout: '200ms' });
    await assert.rejects((await fetch(`http://127.0.0.1:${strict.port}/pauses`)).text());
    const patient = await site([origin], { bodyTimeout: '2s' });
    const slow = await get(patient);
    // Longer than `bodyTimeout`: that time passes, and nothing happens, is what is tested.
    await delay(2500);
    assert.equal((await slow.arrayBuffer()).byteLength, 20_000_000);
  });
});

describe('sticky sessions', () => {
  const sticky = { secret: 'a secret of enough length' };

  test('a client stays where it was first served, as long as that serves', async () => {
    const all = await origins(4);
    const subject = await site(all, { sticky });
    const first = await get(subject);
    const home = await first.text();
    const cookie = first.headers.getSetCookie()[0]!.split(';')[0]!;
    assert.match(
      first.headers.getSetCookie()[0]!,
      /^spillway-endpoint=[\w-]{22}; Path=\/; Max-Age=3600; HttpOnly; SameSite=Lax$/,
    );
    for (let i = 0; i < 8; i++) {
      const response = await get(subject, { headers: { cookie: `x=y; ${cookie}` } });
      assert.equal(await response.text(), home);
      assert.deepEqual(response.headers.getSetCookie(), [], 'it has its cookie already');
    }
    await all[Number(home)]!.kill();
    const moved = await get(subject, { headers: { cookie } });
    assert.equal(moved.status, 200);
    assert.notEqual(await moved.text(), home);
    assert.equal(moved.headers.getSetCookie().length, 1, 'and a new one where it moved');
  });

  test('a cookie nobody signed says nothing', async () => {
    const all = await origins(4);
    const subject = await site(all, { sticky });
    const seen = new Set<string>();
    for (let i = 0; i < 8; i++) {
      seen.add(await (await get(subject, { headers: { cookie: `spillway-endpoint=${'A'.repeat(22)}` } })).text());
    }
    assert.equal(seen.size, 4);
  });
});

describe('one of five endpoints in trouble, under load', () => {
  for (const trouble of ['killed', 'hang', 500] as const) {
    test(`${trouble}: others take over`, async () => {
      const state = { trouble: false };
      const all = await origins(5, (number) => (number === 1 && state.trouble && trouble !== 'killed' ? trouble : 'answer'));
      const subject = await site(all, {
        strategy: 'adaptive',
        attemptTimeout: '500ms',
        health: { interval: '200ms', timeout: '200ms' },
      });
      let [requests, failures] = [0, 0];
      const load = async (): Promise<void> => {
        for (let i = 0; i < 500; i++) {
          requests++;
          const response = await get(subject).catch(() => undefined);
          await response?.arrayBuffer();
          if (response?.status !== 200) failures++;
          if (requests === 1000) {
            state.trouble = true;
            if (trouble === 'killed') await all[1]!.kill();
          }
        }
      };
      await Promise.all(Array.from({ length: 16 }, load));
      assert.equal(requests, 8000);
      assert.ok(failures <= 8, `${failures} of ${requests} requests failed`);
      // The sick endpoint is left with less than its share of what came after.
      const picks = subject.proxy.balancers.get('site')!.endpoints.map((endpoint) => endpoint.picks);
      assert.ok(picks[1]! < 0.6 * Math.max(...picks), `picks: ${picks.join(', ')}`);
    });
  }
});
