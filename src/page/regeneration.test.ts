import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { seededRandom, SimulatedClock } from '../kernel/index.ts';
import type { Priority, RouteMatch } from '../policy/index.ts';
import { ask, routePolicy, startPageServer } from '../../test/http/rig/page-server.ts';
import { ReferenceStore } from '../../test/http/rig/reference-store.ts';
import { ScriptedUpstream } from '../../test/http/rig/scripted-upstream.ts';
import { createPages, type PageEntry, type PageOptions, type Pages, type Pressure } from './index.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** Routes by the first part of the path: `/critical/…`, `/normal/…`, `/low/…`. */
const routes = new Map(
  (
    [
      ['critical', 15 * MINUTE],
      ['normal', 30 * MINUTE],
      ['low', 2 * HOUR],
    ] as [Priority, number][]
  ).map(([priority, revalidateMs]) => [
    priority as string,
    routePolicy({ revalidateMs }, { className: priority, priority, pattern: `/${priority}/:page`, tags: ['page::page', 'all'] }),
  ]),
);

function match(path: string): RouteMatch | undefined {
  const [, first = '', page = ''] = path.split('/');
  const route = routes.get(first);
  return route && { route, params: { page } };
}

describe('regeneration', () => {
  let clock: SimulatedClock;
  let store: ReferenceStore<PageEntry>;
  let upstream: ScriptedUpstream;
  let fleet: Pages[];
  let pressure: Pressure;
  let running = 0;
  let mostRunning = 0;
  let delayMs = 0;
  let seeds = 0;

  const grow = (size: number, options: PageOptions = {}): void => {
    fleet = Array.from({ length: size }, () =>
      createPages(
        { authority: 'example.com', ...options },
        { clock, random: seededRandom(++seeds), store, match, upstream, pressure: () => pressure },
      ),
    );
  };
  const rendered = (path: string): number => upstream.requests.filter((request) => request.target === path).length;

  beforeEach(() => {
    clock = new SimulatedClock();
    store = new ReferenceStore(clock);
    pressure = 'none';
    running = mostRunning = delayMs = seeds = 0;
    upstream = new ScriptedUpstream((request) => {
      mostRunning = Math.max(mostRunning, ++running);
      const hold = (delayMs === 0 ? Promise.resolve() : clock.sleep(delayMs)).then(() => void running--);
      return { headers: { 'content-type': 'text/html' }, body: `page ${request.target} at ${clock.now()}`, hold };
    });
    grow(1);
  });
  afterEach(() => Promise.all(fleet.map((pages) => pages.close())));

  it('says what is due, why, and how urgently', () => {
    const pages = fleet[0]!;
    const advice = (path: string, ageMs: number | undefined) => {
      const { shouldRegenerate, reason, priority } = pages.shouldRegenerate(
        path,
        ageMs === undefined ? undefined : clock.now() - ageMs,
      );
      return [shouldRegenerate, reason, priority];
    };
    assert.deepEqual(advice('/critical/a', undefined), [true, 'missing', 'critical']);
    assert.deepEqual(advice('/critical/a', 15 * MINUTE - 1), [false, 'fresh', 'critical']);
    assert.deepEqual(advice('/critical/a', 15 * MINUTE), [true, 'scheduled', 'critical']);
    assert.deepEqual(advice('/normal/a', 30 * MINUTE - 1), [false, 'fresh', 'normal']);
    assert.deepEqual(advice('/normal/a', 30 * MINUTE), [true, 'scheduled', 'normal']);
    assert.deepEqual(advice('/low/a', 2 * HOUR - 1), [false, 'fresh', 'low']);
    assert.deepEqual(advice('/low/a', 24 * HOUR), [true, 'forced', 'low']);
    assert.deepEqual(advice('/unknown', 24 * HOUR), [false, 'fresh', 'normal']);
  });

  it('makes a page asked for by hand, and forces it once a day, the low class too', async () => {
    const [pages] = fleet as [Pages];
    assert.deepEqual(pages.queueRegeneration('/low/a'), { queued: true, waiting: 1 });
    await clock.advance(MINUTE);
    assert.equal(rendered('/low/a'), 1);
    await clock.advance(23 * HOUR);
    assert.equal(rendered('/low/a'), 1);
    await clock.advance(2 * HOUR);
    assert.equal(rendered('/low/a'), 2);
    assert.equal(pages.analytics().byReason.forced, 1);
    assert.deepEqual(pages.queueRegeneration('/nowhere/a'), { queued: false, why: 'unknown-page' });
  });

  it('runs at most five at a time in the whole fleet, best first', async () => {
    grow(4);
    delayMs = 1000;
    for (const pages of fleet) {
      for (let nth = 0; nth < 10; nth++) pages.queueRegeneration(`/low/${fleet.indexOf(pages)}-${nth}`);
      for (let nth = 0; nth < 3; nth++) pages.queueRegeneration(`/critical/${fleet.indexOf(pages)}-${nth}`);
    }
    await clock.advance(MINUTE);
    assert.equal(mostRunning, 5);
    assert.equal(upstream.requests.length, 52);
    const order = upstream.requests.map((request) => request.target.split('/')[1]);
    // The first may have found a place before anything better was queued.
    assert.equal(order.slice(0, 17).filter((first) => first === 'critical').length, 12, order.join(' '));
  });

  it('makes a page once in the fleet, however many want it', async () => {
    grow(8);
    delayMs = 500;
    for (const pages of fleet) pages.queueRegeneration('/critical/a', 'manual');
    await clock.advance(MINUTE);
    assert.equal(rendered('/critical/a'), 1);
    await clock.advance(26 * HOUR);
    assert.equal(rendered('/critical/a'), 2);
  });

  it('keeps to 5,000 a day in the fleet, and goes on the next day', async () => {
    grow(2, { regeneration: { perDay: 23, maxWaiting: 1000 } });
    for (let nth = 0; nth < 40; nth++) fleet[nth % 2]!.queueRegeneration(`/normal/${nth}`);
    await clock.advance(12 * HOUR);
    assert.equal(upstream.requests.length, 23);
    // The 17 that were left, and six of those whose forced turn has come.
    await clock.advance(12 * HOUR + 5 * MINUTE);
    assert.equal(upstream.requests.length, 46);
  });

  it('bounds the queue: the least gives way to the better, the rest is refused', async () => {
    pressure = 'critical';
    const [pages] = fleet as [Pages];
    for (let nth = 0; nth < 1000; nth++) assert.equal(pages.queueRegeneration(`/low/${nth}`).queued, true);
    assert.deepEqual(pages.queueRegeneration('/low/one-more'), { queued: false, why: 'queue-full' });
    assert.deepEqual(pages.queueRegeneration('/critical/a'), { queued: true, waiting: 1000 });
    assert.deepEqual(pages.queueRegeneration('/critical/a'), { queued: false, why: 'already-queued' });
  });

  it('lets no more than 1,000 wait in the whole fleet, whoever joins when', async () => {
    pressure = 'critical';
    const waiting = (): number => fleet.reduce((sum, pages) => sum + pages.analytics().waiting, 0);
    const first = fleet;
    for (let nth = 0; nth < 1500; nth++) first[0]!.queueRegeneration(`/low/0-${nth}`);
    assert.equal(waiting(), 1000);
    grow(3);
    fleet = [...first, ...fleet];
    await clock.advance(HOUR);
    assert.ok(waiting() <= 1000);
    for (let round = 0; round < 10; round++) {
      for (const [which, pages] of fleet.entries()) {
        for (let nth = 0; nth < 200; nth++) pages.queueRegeneration(`/critical/${which}-${round}-${nth}`);
      }
      await clock.advance(15_000);
      assert.ok(waiting() <= 1000, `${waiting()} wait`);
    }
    assert.ok(waiting() > 900, `only ${waiting()} wait: room lies idle`);
    for (const pages of fleet) assert.ok(pages.analytics().waiting >= 125, 'each has half of its equal share at least');
  });

  it('counts requests in the whole fleet: more than 100 an hour make a page again early', async () => {
    grow(4);
    const servers = await Promise.all(fleet.map((pages) => startPageServer(pages, upstream, (path) => match(path)!)));
    const visitAll = (path: string) =>
      Promise.all(servers.map(({ port }) => ask(port, path, { headers: { host: 'example.com' } })));
    // 4 × 30 an hour is above 100, 4 × 20 is not; no process sees 100 by itself.
    for (let minute = 0; minute < 29; minute++) {
      if (minute % 2 === 0) await visitAll('/normal/busy');
      if (minute % 3 === 0) await visitAll('/normal/quiet');
      await clock.advance(MINUTE);
    }
    await visitAll('/normal/busy');
    await visitAll('/normal/quiet');
    await clock.advance(1000);
    assert.deepEqual([rendered('/normal/busy'), rendered('/normal/quiet')], [2, 1]);
    await Promise.all(servers.map((server) => server.close()));
  });

  it('reports a queue of more than 500 once, and its end', async () => {
    const heard: string[] = [];
    const [pages] = fleet as [Pages];
    pages.events.on('queueLong', ({ waiting }) => heard.push(`long ${waiting}`));
    pages.events.on('queueShort', ({ waiting }) => heard.push(`short ${waiting}`));
    pressure = 'critical';
    for (let nth = 0; nth < 520; nth++) pages.queueRegeneration(`/low/${nth}`);
    assert.deepEqual(heard, ['long 501']);
    pressure = 'none';
    await clock.advance(MINUTE);
    assert.deepEqual(heard, ['long 501', 'short 500']);
  });

  it('waits while the process is pressed, and serves what matters first when it is less so', async () => {
    const [pages] = fleet as [Pages];
    pressure = 'critical';
    pages.queueRegeneration('/critical/a');
    pages.queueRegeneration('/low/a');
    await clock.advance(HOUR);
    assert.equal(upstream.requests.length, 0);
    pressure = 'degraded';
    await clock.advance(MINUTE);
    assert.deepEqual(
      upstream.requests.map((request) => request.target),
      ['/critical/a'],
    );
    pressure = 'none';
    await clock.advance(MINUTE);
    assert.equal(rendered('/low/a'), 1);
  });

  it('tries three times with growing pauses, then leaves the last good page', async () => {
    const [pages] = fleet as [Pages];
    pages.queueRegeneration('/critical/a');
    await clock.advance(MINUTE);
    const attempts: number[] = [];
    const given: string[] = [];
    pages.events.on('regenerationGivenUp', ({ url, attempts: count }) => given.push(`${url} ${count}`));
    upstream.answer = () => {
      attempts.push(clock.now());
      return { status: 500, body: 'broken' };
    };
    pages.queueRegeneration('/critical/a');
    await clock.advance(HOUR);
    assert.equal(attempts.length, 3);
    const [first, second, third] = attempts as [number, number, number];
    assert.ok(second - first >= 8000 && second - first <= 12_000 + 10, `${second - first}`);
    assert.ok(third - second >= 16_000 && third - second <= 24_000 + 10, `${third - second}`);
    assert.deepEqual(given, ['http://example.com/critical/a 3']);
    assert.equal(pages.analytics().givenUp, 1);
    assert.match(String((await pages.explain('http://example.com/critical/a')).page?.status), /200/);
  });

  it('makes the pages that show a changed price again at once, and only those', async () => {
    const [pages] = fleet as [Pages];
    for (const name of ['a', 'b', 'c']) pages.queueRegeneration(`/normal/${name}`);
    await clock.advance(MINUTE);
    const receipt = await pages.reportChange({ tag: 'page:b', field: 'price', before: 10, after: 10.5 });
    assert.equal(receipt.queued, 1);
    await clock.advance(MINUTE);
    assert.deepEqual(
      ['a', 'b', 'c'].map((name) => rendered(`/normal/${name}`)),
      [1, 2, 1],
    );
    assert.equal((await pages.reportChange({ tag: 'page:b', field: 'price', before: 10, after: 10.4 })).effect, 'scheduled');
    await clock.advance(MINUTE);
    assert.equal(rendered('/normal/b'), 2);
    assert.equal(pages.analytics().byReason.change, 1);
  });

  it('a change reported while the page is being made has it made again', async () => {
    const [pages] = fleet as [Pages];
    pages.queueRegeneration('/normal/a');
    await clock.advance(MINUTE);
    delayMs = 1000;
    pages.queueRegeneration('/normal/a');
    await clock.until(() => rendered('/normal/a') === 2);
    await pages.reportChange({ tag: 'page:a', field: 'price', before: 10, after: 20 });
    await clock.advance(2 * MINUTE);
    assert.equal(rendered('/normal/a'), 3);
  });

  it('tells what was made in vain', async () => {
    const [pages] = fleet as [Pages];
    upstream.answer = () => ({ headers: { 'content-type': 'text/html' }, body: 'always the same' });
    pages.queueRegeneration('/normal/a');
    await clock.advance(MINUTE);
    pages.queueRegeneration('/normal/a');
    await clock.advance(MINUTE);
    const { changed, unchanged, unchangedShare, latest } = pages.analytics();
    assert.deepEqual([changed, unchanged, unchangedShare], [1, 1, 0.5]);
    assert.equal(latest[0]!.result, 'unchanged');
  });

  it('goes on after the store was away', async () => {
    const [pages] = fleet as [Pages];
    store.fault = new Error('away');
    pages.queueRegeneration('/normal/a');
    await clock.advance(MINUTE);
    assert.equal(upstream.requests.length, 0);
    store.fault = undefined;
    await clock.advance(MINUTE);
    assert.equal(rendered('/normal/a'), 1);
  });
});
