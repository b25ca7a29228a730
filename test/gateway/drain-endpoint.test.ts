import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from '../servers/index.ts';
import { Origin, startSite } from './support.ts';

test('an endpoint drained by hand finishes what it has, gets nothing more, and comes back when it is wanted', async () => {
  const finish: (() => void)[] = [];
  const [a, b] = await Promise.all(
    ['a', 'b'].map((name) =>
      Origin.start((request, response) => {
        if (request.url === '/slow') finish.push(() => response.end(name));
        else response.end(name);
      }),
    ),
  );
  const site = await startSite([a!.url, b!.url], { upstream: { strategy: 'roundRobin', slowStart: 0 } });
  const ask = async (path: string): Promise<string> => (await fetch(`http://127.0.0.1:${site.port}${path}`)).text();
  try {
    const slow = [ask('/slow'), ask('/slow')];
    await eventually('both are under way', () => finish.length === 2);
    let drained = false;
    const drain = site.proxy.drainEndpoint('site', a!.url, true).then(() => (drained = true));
    for (let i = 0; i < 6; i++) assert.equal(await ask('/'), 'b');
    assert.equal(drained, false);
    for (const end of finish) end();
    assert.deepEqual((await Promise.all(slow)).sort(), ['a', 'b']);
    await drain;
    assert.equal(site.proxy.balancers.get('site')!.status()[0]!.state, 'draining');
    await site.proxy.drainEndpoint('site', a!.url, false);
    assert.deepEqual([...new Set(await Promise.all(Array.from({ length: 6 }, () => ask('/'))))].sort(), ['a', 'b']);
    await assert.rejects(site.proxy.drainEndpoint('site', 'http://127.0.0.1:1', true), { code: 'SPILLWAY_UPSTREAM_UNKNOWN' });
    await assert.rejects(site.proxy.drainEndpoint('other', a!.url, true), { code: 'SPILLWAY_UPSTREAM_UNKNOWN' });
  } finally {
    await site.stop();
    await Promise.all([a!.kill(), b!.kill()]);
  }
});
