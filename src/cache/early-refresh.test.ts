import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryKvStore } from '../drivers/memory-kv-store.ts';
import { seededRandom, SimulatedClock } from '../kernel/index.ts';
import { UnreliableStore } from '../testing/index.ts';
import { EarlyRefresh } from './early-refresh.ts';
import { createCache } from './index.ts';

const SEEDS = Number(process.env['SPILLWAY_SEEDS'] ?? 8);
const PROCESSES = 8;
const FOR_MS = 10_000;
const TTL_MS = 1000;

/** When loads of one key began, that every process reads all the time for 10 s. */
async function busy(seed: number): Promise<number[]> {
  const clock = new SimulatedClock();
  const random = seededRandom(seed);
  const server = new MemoryKvStore({}, { clock });
  const loadMs = 1 + 80 * random.next();
  const begun: number[] = [];
  const processes = Array.from({ length: PROCESSES }, async () => {
    const link = new UnreliableStore(server.connect(), { clock, random, latencyMs: 4, timeoutMs: 50, outageMs: 0 });
    const cache = createCache<number>({ store: link.store, ttl: `${TTL_MS}ms` }, { clock, random });
    await clock.sleep(20 * random.next());
    while (clock.monotonic() < FOR_MS) {
      await cache.getOrSet('k', async () => {
        begun.push(clock.monotonic());
        await clock.sleep(loadMs * (0.5 + random.next()));
        return 1;
      });
      await clock.sleep(1 + 20 * random.next());
    }
    return cache;
  });
  const done = Promise.all(processes);
  await clock.advance(FOR_MS + 1000);
  // All at the end: closing one amid a load would have another begin it anew.
  for (const cache of await done) await cache.close();
  return begun;
}

test('a TTL of 1 s for 10 s on 8 busy processes: at most 11 loads, whatever a load takes', async () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const begun = await busy(seed);
    const gaps = begun.slice(1).map((atMs, at) => atMs - begun[at]!);
    assert.ok(Math.min(...gaps) >= 0.95 * TTL_MS, `seed ${seed}: loads ${gaps.map(Math.round).join(', ')} ms apart`);
    assert.ok(begun.length >= 9 && begun.length <= 11, `seed ${seed}: ${begun.length} loads`);
  }
});

test('a refresh is certain once a later one would end too late, and never comes before its window', () => {
  const entry = { storedMs: 0, loadMs: 200, freshUntilMs: 10_200 };
  const likely = new EarlyRefresh({ next: () => 1 - Number.EPSILON } as never, 1);
  const unlikely = new EarlyRefresh({ next: () => 0 } as never, 1);
  assert.equal(likely.windowMs(entry), 200 + 500);
  assert.equal(likely.isDue(entry, 10_200 - 701), false);
  assert.equal(likely.isDue(entry, 10_200 - 700), true);
  assert.equal(unlikely.isDue(entry, 10_200 - 201), false);
  assert.equal(unlikely.isDue(entry, 10_200 - 200), true);
  assert.equal(new EarlyRefresh(seededRandom(1), 0).windowMs(entry), 0);
});
