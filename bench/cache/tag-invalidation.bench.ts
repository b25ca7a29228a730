import { createCache } from '../../src/cache/index.ts';
import { startRedis } from '../../test/servers/index.ts';
import type { Findings, Study } from '../harness/index.ts';

/** The slowest of some invalidations of a tag that `entries` entries have, ms; in memory, and with Redis telling the fleet. */
async function slowest(entries: number, redis: string | undefined): Promise<number> {
  const cache = createCache({ ...(redis && { redis, name: `t${entries}` }), memory: { maxEntries: 2_000_000, maxBytes: '2gb' } });
  await cache.ready();
  // Redis holds the tag's version only, so its entries need not be there.
  const local = redis ? Math.min(entries, 1000) : entries;
  for (let at = 0; at < local; at++) await cache.set(`k${at}`, at, { tags: ['all'] });
  let slowestMs = 0;
  for (let round = 0; round < 20; round++) {
    const started = performance.now();
    await cache.invalidateTags(['all']);
    if (round > 0) slowestMs = Math.max(slowestMs, performance.now() - started);
  }
  if (cache.peek('k0')) throw new Error('still there');
  await cache.close();
  return slowestMs;
}

const study: Study = {
  name: 'cache/tag-invalidation',
  study: async (): Promise<Findings> => {
    const redis = await startRedis();
    const rows: (string | number)[][] = [];
    for (const entries of [1000, 100_000, 1_000_000]) {
      rows.push([entries.toLocaleString('en'), (await slowest(entries, undefined)).toFixed(3)]);
    }
    rows.push(['with Redis (1,000)', (await slowest(1000, redis.url)).toFixed(3)]);
    await redis.stop();
    return {
      bench: 'cache/tag-invalidation',
      title: 'Invalidating a tag',
      what: 'The slowest of 19 calls of invalidateTags, by how many entries in memory have the tag; with Redis the call waits for its answer.',
      columns: ['entries with the tag', 'slowest call, ms'],
      rows,
    };
  },
};

export default study;
