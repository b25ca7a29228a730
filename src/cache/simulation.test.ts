/**
 * A fleet on a simulated clock and an unreliable network, against a plain reference: what the source of the data said,
 * and when. `SPILLWAY_SEEDS=10000 npm test -- src/cache/simulation` runs more of it; a failure names its seed.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryKvStore } from '../drivers/memory-kv-store.ts';
import { randomInt, seededRandom, SimulatedClock, type Random } from '../kernel/index.ts';
import { UnreliableStore } from '../testing/index.ts';
import { createCache, type Cache } from './index.ts';

const SEEDS = Number(process.env['SPILLWAY_SEEDS'] ?? 60);
const MAX_STALENESS_MS = 400;
const OUTAGE_MS = 1500;
/** The way of a write that invalidates a tag. */
const BY_TAG = 1;
/** `plain` has no tag of its own. */
const KEYS = ['a:1', 'a:2', 'b:1', 'plain'];

type Fault = 'none' | 'slow' | 'cuts' | 'freezes' | 'everything';

/** The source of the data, with the moments from which each version must be seen. */
class Truth {
  readonly #versions = new Map<string, number>();
  readonly #acknowledged = new Map<string, { version: number; atMs: number }[]>();

  read(key: string): number {
    return this.#versions.get(key) ?? 0;
  }

  write(key: string): void {
    this.#versions.set(key, this.read(key) + 1);
  }

  acknowledge(key: string, version: number, atMs: number): void {
    const list = this.#acknowledged.get(key) ?? [];
    list.push({ version, atMs });
    this.#acknowledged.set(key, list);
  }

  /** The oldest version that a read which began at `atMs` may still give. */
  oldest(key: string, atMs: number): number {
    let oldest = 0;
    for (const known of this.#acknowledged.get(key) ?? []) if (known.atMs <= atMs) oldest = Math.max(oldest, known.version);
    return oldest;
  }
}

interface Node {
  readonly cache: Cache<number>;
  readonly link: UnreliableStore;
}

async function run(seed: number, fault: Fault): Promise<{ reads: number; stale: number; loads: number; violations: string[] }> {
  const clock = new SimulatedClock();
  const random = seededRandom(seed);
  const truth = new Truth();
  const server = new MemoryKvStore({}, { clock });
  const slow = fault === 'slow' || fault === 'everything';
  const nodes: Node[] = Array.from({ length: 3 }, () => {
    const echoes = random.next() < 0.5;
    const options = { clock, random, latencyMs: slow ? 80 : 5, timeoutMs: 50, outageMs: OUTAGE_MS, echoes };
    const link = new UnreliableStore(server.connect(), options);
    const cache = createCache<number>(
      { store: link.store, ttl: '10s', maxStaleness: `${MAX_STALENESS_MS}ms`, lease: '300ms', failures: { backoff: '20ms' } },
      { clock, random },
    );
    return { cache, link };
  });
  // Where little is written, an old value that slipped through is not soon wiped out by chance.
  const writes = random.next() < 0.5 ? 0.12 : 0.01;
  const outcome = { reads: 0, stale: 0, loads: 0, violations: [] as string[] };

  const running: Promise<void>[] = [];
  const load = (key: string, late: boolean) => async (): Promise<number> => {
    outcome.loads++;
    const version = truth.read(key);
    // What was just read is old before it is stored, all too often.
    if (random.next() < 0.1) running.push(write(key, nodes, late ? BY_TAG : undefined));
    await clock.sleep(random.next() * 60);
    if (random.next() < 0.05) throw new Error('the source failed');
    return version;
  };

  const read = async (key = pick(random, KEYS), node = pick(random, nodes)): Promise<void> => {
    const startedMs = clock.monotonic();
    const late = random.next() < 0.3;
    const loader = load(key, late);
    const value = await (
      random.next() < 0.8
        ? node.cache.getOrSet(
            key,
            async (context) => {
              if (late) context.setTags(tagsOf(key));
              return loader();
            },
            { tags: late ? [] : tagsOf(key) },
          )
        : node.cache.get(key)
    ).catch(() => undefined);
    check(key, value, startedMs, node);
  };

  const readMany = async (node = pick(random, nodes)): Promise<void> => {
    const startedMs = clock.monotonic();
    const keys = Array.from({ length: 1 + randomInt(random, 6) }, () => pick(random, KEYS));
    const values = await node.cache.getMany(keys);
    for (const [at, key] of keys.entries()) check(key, values[at], startedMs, node);
  };

  const check = (key: string, value: number | undefined, startedMs: number, node: Node): void => {
    if (value === undefined) return;
    outcome.reads++;
    const strict = truth.oldest(key, startedMs);
    const bound = truth.oldest(key, startedMs - MAX_STALENESS_MS);
    if (value < strict) outcome.stale++;
    if (value < bound)
      outcome.violations.push(
        `read ${key}@${value} at ${startedMs} on node ${nodes.indexOf(node)}; ${bound} was acknowledged before`,
      );
  };

  const write = async (key = pick(random, KEYS), by = nodes, way = randomInt(random, 5)): Promise<void> => {
    const { cache } = pick(random, by);
    truth.write(key);
    const version = truth.read(key);
    if (way === 0) await cache.delete(key);
    else if (way === BY_TAG && key !== 'plain') await cache.invalidateTags(tagsOf(key));
    else if (way === 2) await cache.deletePattern(`${key[0]}*`);
    else if (way === 3) await cache.clear();
    else await cache.expire(key);
    // What the store has not heard of is not acknowledged.
    if (cache.stats().store!.owed === 0) truth.acknowledge(key, version, clock.monotonic());
  };

  /** Cuts a node off while others change what it has in memory, and sees whether it notices. */
  const miss = async (node: Node): Promise<void> => {
    const key = pick(random, KEYS);
    await read(key, node);
    node.link.cut();
    await clock.sleep(random.next() * 200);
    await write(
      key,
      nodes.filter((other) => other !== node),
    );
    await clock.sleep(OUTAGE_MS);
    // Reads of others may prove what they share with it.
    if (random.next() < 0.3) await readMany(node);
    for (const other of KEYS) await read(other, node);
    await clock.sleep(MAX_STALENESS_MS);
    await read(key, node);
  };

  for (let step = 0; step < 300; step++) {
    const dice = random.next();
    if (dice < writes) running.push(write());
    else if (dice < 0.9) running.push(random.next() < 0.4 ? readMany() : read());
    else if (dice < 0.93 && (fault === 'cuts' || fault === 'everything')) {
      running.push(miss(pick(random, nodes)));
    } else if (dice < 0.95 && (fault === 'freezes' || fault === 'everything')) {
      const ms = random.next() * 1200;
      for (const node of nodes) if (random.next() < 0.5) node.link.freeze(ms);
    }
    await clock.advance(random.next() * 40);
  }
  for (const { link } of nodes) link.calm();
  await clock.advance(60_000);
  await Promise.all(running);
  outcome.violations.push(...(await audit(nodes, truth, clock)));
  await Promise.all(nodes.map(({ cache }) => cache.close()));
  return outcome;
}

/** Once the network is quiet, nothing is owed or under way, and every node agrees with the source. */
async function audit(nodes: readonly Node[], truth: Truth, clock: SimulatedClock): Promise<string[]> {
  const problems: string[] = [];
  for (const [at, { cache }] of nodes.entries()) {
    const { store } = cache.stats();
    if (!store!.available || store!.owed > 0) problems.push(`node ${at} has not recovered`);
    for (const key of KEYS) {
      const reading = cache.getOrSet(key, () => truth.read(key), { tags: tagsOf(key) });
      await clock.advance(1000);
      const value = await reading;
      if (value !== truth.read(key)) problems.push(`node ${at} ends with ${key}@${value}, the source with ${truth.read(key)}`);
    }
  }
  return problems;
}

function tagsOf(key: string): string[] {
  return key === 'plain' ? [] : [`tag:${key}`];
}

function pick<T>(random: Random, items: readonly T[]): T {
  return items[randomInt(random, items.length)]!;
}

for (const fault of ['none', 'slow', 'cuts', 'freezes', 'everything'] as const) {
  test(`no read is older than maxStaleness allows: ${fault}`, async () => {
    let reads = 0;
    for (let seed = 1; seed <= SEEDS / 5; seed++) {
      const outcome = await run(seed, fault);
      assert.deepEqual(outcome.violations, [], `seed ${seed}`);
      reads += outcome.reads;
    }
    assert.ok(reads > SEEDS * 10, 'the simulation reads');
  });
}
