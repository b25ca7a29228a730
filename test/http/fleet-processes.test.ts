/** Four gateways, each a process of its own, on one real Redis: what the fleet costs the origin, whatever breaks. */
import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { Origin } from '../gateway/support.ts';
import { eventually, type RedisServer, startRedis } from '../servers/index.ts';
import { GatewayFleet } from './rig/gateway-fleet.ts';

const HTML = { 'content-type': 'text/html' };

describe('four gateway processes on one Redis', () => {
  let redis: RedisServer;
  let origin: Origin;
  let fleet: GatewayFleet;
  let answer: (response: ServerResponse, nth: number) => void;
  /** When each request reached the origin. */
  let renderedMs: number[];
  let turns = 0;

  const good = (response: ServerResponse, nth: number): void => void response.writeHead(200, HTML).end(`page ${nth}`);
  const grow = async (revalidateMs: number): Promise<void> => {
    const url = `http://127.0.0.1:${origin.port}`;
    fleet = await GatewayFleet.start(4, redis.url, `processes-${++turns}:`, url, revalidateMs);
  };
  const goodEverywhere = async (paths: readonly string[]): Promise<void> => {
    for (const path of paths) for (const member of fleet.members) assert.equal((await fleet.get(path, member)).status, 200);
  };

  before(async () => {
    redis = await startRedis();
  });
  beforeEach(async () => {
    renderedMs = [];
    answer = good;
    origin = await Origin.start((_, response) => {
      renderedMs.push(performance.now());
      answer(response, renderedMs.length);
    });
  });
  afterEach(() => {
    fleet.stop();
    origin.server.closeAllConnections();
    origin.server.close();
  });
  after(() => redis.stop());

  it('200 cold requests at once are one render', async () => {
    await grow(60_000);
    const held: (() => void)[] = [];
    answer = (response, nth) => held.push(() => good(response, nth));
    const asked = Array.from({ length: 200 }, () => fleet.get('/plans'));
    await eventually('the render began', () => held.length > 0);
    for (const release of held) release();
    answer = good;
    const answers = await Promise.all(asked);
    assert.deepEqual(new Set(answers.map(({ text }) => text)), new Set(['page 1']));
    assert.equal(renderedMs.length, 1);
  });

  it('1,000 requests a second for a page that expires: a render per interval', async () => {
    const intervalMs = 500;
    await grow(intervalMs);
    await goodEverywhere(['/plans']);
    const startedMs = renderedMs[0]!;
    const answers = await fleet.load('/plans', 1000, 4000);
    const intervals = Math.ceil((performance.now() - startedMs) / intervalMs);
    assert.ok(answers.length >= 4000);
    assert.ok(answers.every(({ status }) => status === 200));
    assert.ok(renderedMs.length <= intervals, `${renderedMs.length} renders in ${intervals} intervals`);
    assert.ok(renderedMs.length > 2, 'the page never expired');
  });

  it('a render that fails is tried once per step of the backoff, while the last good page serves', async () => {
    await grow(200);
    await goodEverywhere(['/plans']);
    answer = (response) => void response.writeHead(500, HTML).end('broken');
    const goodRenders = renderedMs.length;
    const answers = await fleet.load('/plans', 300, 4500);
    assert.ok(answers.every(({ status, text }) => status === 200 && text.startsWith('page ')));
    const failed = renderedMs.slice(goodRenders);
    const pausesMs = failed.slice(1).map((atMs, nth) => atMs - failed[nth]!);
    for (const [nth, pauseMs] of pausesMs.entries()) {
      assert.ok(pauseMs >= 900 * 2 ** nth, `attempt ${nth + 2} came ${pauseMs} ms after the one before`);
    }
    assert.ok(failed.length >= 2);
  });

  it('the renderer killed in mid-render: another process finishes, once', async () => {
    await grow(60_000);
    const held: (() => void)[] = [];
    answer = (response, nth) => held.push(() => good(response, nth));
    const [doomed, ...others] = fleet.members;
    const lost = fleet.get('/plans', doomed).catch(() => 'lost');
    await eventually('the render began', () => held.length === 1);
    const waiting = others.map((member) => fleet.get('/plans', member));
    doomed!.process.kill('SIGKILL');
    assert.equal(await lost, 'lost');
    await eventually('another one renders', () => held.length === 2);
    held[1]!();
    assert.deepEqual(new Set((await Promise.all(waiting)).map(({ text }) => text)), new Set(['page 2']));
    assert.equal(renderedMs.length, 2);
  });

  it('the origin down: every page that was stored keeps serving, on every process, and is new once it is back', async () => {
    await grow(200);
    const paths = Array.from({ length: 20 }, (_, nth) => `/plans/${nth}`);
    await goodEverywhere(paths);
    const { port } = origin;
    await origin.kill();
    const startedMs = performance.now();
    let asked = 0;
    while (performance.now() - startedMs < 3000) {
      for (const path of paths) {
        const { status, text } = await fleet.get(path);
        assert.equal(status, 200, `${path} after ${Math.round(performance.now() - startedMs)} ms`);
        assert.match(text, /^page /);
        asked++;
      }
    }
    assert.ok(asked > paths.length);
    origin = await Origin.start((_, response) => void response.writeHead(200, HTML).end('healed'), port);
    await eventually(
      'the pages are new',
      async () => (await Promise.all(paths.map((path) => fleet.get(path)))).every(({ text }) => text === 'healed'),
      30_000,
    );
  });

  for (const [how, breakIt] of [
    ['killed', () => redis.process.kill()],
    ['frozen', () => redis.process.freeze()],
  ] as const) {
    it(`Redis ${how}: every page that was served keeps serving, with the origin down too, and the fleet is one again after`, async () => {
      await grow(60_000);
      const paths = Array.from({ length: 20 }, (_, nth) => `/plans/${nth}`);
      await goodEverywhere(paths);
      // What Redis told of late may have cost a process its copy: the second time everyone keeps it.
      await goodEverywhere(paths);
      const pages = new Map<string, string>();
      for (const path of paths) pages.set(path, (await fleet.get(path)).text);
      await breakIt();
      const { port } = origin;
      await origin.kill();
      const startedMs = performance.now();
      // Well below the 10 s for which a copy serves that cannot be proven current, and each page on each process once.
      for (let asked = 0; asked < 80 || performance.now() - startedMs < 3000; asked++) {
        const path = paths[asked % paths.length]!;
        const { status, text } = await fleet.get(path, fleet.members[Math.floor(asked / paths.length) % 4]!);
        assert.deepEqual([status, text], [200, pages.get(path)], `${path} after ${Math.round(performance.now() - startedMs)} ms`);
      }
      await redis.restart();
      const rendered = new Map<string, number>();
      origin = await Origin.start((request, response) => {
        rendered.set(request.url!, (rendered.get(request.url!) ?? 0) + 1);
        response.writeHead(200, HTML).end('healed');
      }, port);
      let tried = 0;
      await eventually(
        'a new page is rendered once for all of them',
        async () => {
          const path = `/new/${++tried}`;
          await Promise.all(fleet.members.map((member) => fleet.get(path, member)));
          return rendered.get(path) === 1;
        },
        20_000,
      );
    });
  }
});
