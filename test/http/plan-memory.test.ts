/** What the regeneration plan of a large site takes in memory. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { seededRandom, SimulatedClock } from '../../src/kernel/index.ts';
import { createPages, type PageEntry } from '../../src/page/index.ts';
import { routePolicy } from './rig/page-server.ts';
import { ReferenceStore } from './rig/reference-store.ts';
import { ScriptedUpstream } from './rig/scripted-upstream.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

test('10,000 pages in the regeneration plan take less than 50 MB', async () => {
  const clock = new SimulatedClock();
  const pages = createPages(
    { authority: 'site.test' },
    {
      clock,
      random: seededRandom(1),
      store: new ReferenceStore<PageEntry>(clock),
      match: (path) => ({
        route: routePolicy({}, { tags: ['city::city', 'plans', 'all'] }),
        params: { city: path.split('/')[2]! },
      }),
      upstream: new ScriptedUpstream(() => ({ headers: { 'content-type': 'text/html' }, body: 'page' })),
      pressure: () => 'critical',
    },
  );
  collectGarbage();
  const before = process.memoryUsage().heapUsed;
  let queued = 0;
  for (let nth = 0; nth < 10_000; nth++) {
    const path = `/electricity-plans/city-${nth % 500}/a-filter-of-some-length-${nth}`;
    if (pages.queueRegeneration(path).queued) queued++;
  }
  collectGarbage();
  const mb = (process.memoryUsage().heapUsed - before) / 2 ** 20;
  assert.equal(queued, 1000);
  assert.ok(mb > 1, `${mb} MB: the pages are not in memory`);
  assert.ok(mb < 50, `${mb} MB`);
  assert.equal(
    pages.shouldRegenerate('/electricity-plans/city-499/a-filter-of-some-length-9999', undefined).shouldRegenerate,
    true,
  );
  await pages.close();
});
