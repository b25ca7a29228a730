/** Several processes' worth of page caches over one shared store: one fetch per page in the fleet, whatever breaks. */
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { createCache, type Cache, type CacheOptions } from '../../src/cache/index.ts';
import { createPages, pageCodec, type PageEntry, type Pages, type Pressure } from '../../src/page/index.ts';
import { MemoryKvStore } from '../../src/drivers/memory-kv-store.ts';
import { eventually, type RedisServer, startRedis } from '../servers/index.ts';
import { ask, type PageServer, routePolicy, startPageServer } from './rig/page-server.ts';
import { ScriptedUpstream } from './rig/scripted-upstream.ts';

const HTML = { 'content-type': 'text/html' };

interface Node {
  readonly cache: Cache<PageEntry>;
  readonly pages: Pages;
  readonly server: PageServer;
}

/** Makes a function that gives each process its connection to one store of their own. */
type Shared = () => () => Pick<CacheOptions<PageEntry>, 'store' | 'redis' | 'prefix'>;

let redis: RedisServer;
let turns = 0;
before(async () => {
  redis = await startRedis();
});
after(() => redis.stop());

const stores: Readonly<Record<string, Shared>> = {
  'the store of one machine’s workers': () => {
    const store = new MemoryKvStore();
    return () => ({ store: store.connect() });
  },
  Redis: () => {
    const prefix = `fleet-${++turns}:`;
    return () => ({ redis: redis.url, prefix });
  },
};

for (const [name, shared] of Object.entries(stores))
  describe(`a fleet of four on ${name}`, () => {
    let upstream: ScriptedUpstream;
    let nodes: Node[] = [];
    let revalidateMs = 60_000;
    let pressure: Pressure = 'none';
    /** Requests that have come to a process. */
    let arrived = 0;

    const grow = async (size: number): Promise<void> => {
      const connect = shared();
      const route = routePolicy({ revalidateMs, storeTtlMs: revalidateMs, memoryTtlMs: 300_000 }, { tags: ['plans'] });
      nodes = await Promise.all(
        Array.from({ length: size }, async () => {
          const cache = createCache<PageEntry>({ name: 'pages', codec: pageCodec, ...connect() });
          const match = () => (arrived++, { route, params: {} });
          const pages = createPages({ authority: 'site.test' }, { store: cache, match, upstream, pressure: () => pressure });
          return { cache, pages, server: await startPageServer(pages, upstream, match) };
        }),
      );
    };
    // One public name for all of them: the authority is part of the key.
    const get = (nth: number, path: string) =>
      ask(nodes[nth % nodes.length]!.server.port, path, { headers: { host: 'site.test' } });

    beforeEach(() => {
      revalidateMs = 60_000;
      pressure = 'none';
      arrived = 0;
      upstream = new ScriptedUpstream((_, nth) => ({ headers: HTML, body: `page ${nth}` }));
    });
    afterEach(async () => {
      for (const { server, pages, cache } of nodes) {
        await server.close();
        await pages.close();
        await cache.close();
      }
    });
    it('200 cold requests are one fetch', async () => {
      await grow(4);
      // The render lasts until every request has come: all of them meet it.
      const allArrived = eventually('all requests have come', () => arrived >= 200);
      upstream.answer = () => ({ headers: HTML, body: 'once', hold: allArrived });
      const answers = await Promise.all(Array.from({ length: 200 }, (_, nth) => get(nth, '/plans')));
      assert.ok(answers.every((answer) => answer.text === 'once'));
      assert.equal(upstream.requests.length, 1);
    });

    it('an invalidation on one is in force on all when its receipt is there', async () => {
      await grow(4);
      for (let nth = 0; nth < 4; nth++) assert.equal((await get(nth, '/plans')).text, 'page 1');
      const receipt = await nodes[2]!.pages.invalidate({ tags: ['plans'] });
      assert.ok(receipt.complete);
      const after = await Promise.all([0, 1, 2, 3].map((nth) => get(nth, '/plans')));
      assert.deepEqual(new Set(after.map((answer) => answer.text)), new Set(['page 2']));
    });

    it('processes tell each other how many pages wait', async () => {
      await grow(2);
      pressure = 'critical';
      const [first, second] = nodes as [Node, Node];
      for (let nth = 0; nth < 7; nth++) first.pages.queueRegeneration(`/plans/${nth}`);
      second.pages.queueRegeneration('/plans/other');
      await eventually(
        'the second has heard of the first',
        () => {
          second.pages.queueRegeneration(`/plans/more-${performance.now()}`);
          return second.pages.analytics().waitingElsewhere === 7;
        },
        40_000,
      );
    });

    it('an expiring page under load is made once per interval', async () => {
      revalidateMs = 500;
      await grow(4);
      const startedMs = performance.now();
      let asked = 0;
      while (performance.now() - startedMs < 3000) {
        await Promise.all(Array.from({ length: 20 }, () => get(asked++, '/plans')));
      }
      const intervals = Math.ceil((performance.now() - startedMs) / revalidateMs);
      assert.ok(
        upstream.requests.length <= intervals + 1,
        `${upstream.requests.length} renders in ${intervals} intervals, ${asked} requests`,
      );
      assert.ok(upstream.requests.length >= 2);
    });

    it('a failing page costs an attempt per backoff step, and the last good one serves', async () => {
      revalidateMs = 200;
      await grow(4);
      await get(0, '/plans');
      upstream.answer = () => ({ status: 500, headers: HTML, body: 'broken' });
      const before = upstream.requests.length;
      const startedMs = performance.now();
      let asked = 0;
      while (performance.now() - startedMs < 3000) {
        const answer = await get(asked++, '/plans');
        assert.equal(answer.status, 200);
        assert.equal(answer.text, 'page 1');
      }
      const attempts = upstream.requests.length - before;
      assert.ok(attempts <= 8, `${attempts} attempts in 3 s for ${asked} requests`);
    });
  });
