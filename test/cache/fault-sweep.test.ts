/**
 * One scenario, run again for every call it makes of the store: the n-th fails, or is answered too late, or is carried out
 * although the answer is lost, or is the first of many that fail. Whatever breaks, the same must hold.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryKvStore } from '../../src/drivers/memory-kv-store.ts';
import { seededRandom, SimulatedClock } from '../../src/kernel/index.ts';
import type { KvStore } from '../../src/ports/index.ts';
import { createCache, type Cache } from '../../src/cache/index.ts';

const TIMEOUT_MS = 50;
const MAX_STALENESS_MS = 500;

/** What becomes of the call that is chosen. `run` carries it out. */
type Fault = (run: () => Promise<unknown>, clock: SimulatedClock) => Promise<unknown>;

const FAULTS: Readonly<Record<string, Fault>> = {
  'fails at once': async () => Promise.reject(new Error('refused')),
  'is never heard of': async (_, clock) => clock.sleep(TIMEOUT_MS).then(() => Promise.reject(new Error('too late'))),
  'is carried out, but its answer is lost': async (run, clock) => {
    await run();
    await clock.sleep(TIMEOUT_MS);
    throw new Error('too late');
  },
  'is carried out late, after its caller gave up': async (run, clock) => {
    void clock.sleep(3 * TIMEOUT_MS).then(run);
    await clock.sleep(TIMEOUT_MS);
    throw new Error('too late');
  },
  'is slow': async (run, clock) => clock.sleep(TIMEOUT_MS - 1).then(run),
};

/** Counts the calls of several connections and lets the `nth`, and the `many` after it, meet the fault. */
class Sabotage {
  calls = 0;
  over = false;
  readonly #nth: number;
  readonly #many: number;
  readonly #fault: Fault;
  readonly #clock: SimulatedClock;

  constructor(clock: SimulatedClock, fault: Fault, nth: number, many: number) {
    this.#clock = clock;
    this.#fault = fault;
    this.#nth = nth;
    this.#many = many;
  }

  wrap(store: KvStore): KvStore {
    return new Proxy(store, {
      get: (target, name) => {
        const member = target[name as keyof KvStore];
        if (typeof member !== 'function' || name === 'watch' || name === 'close') {
          return typeof member === 'function' ? member.bind(target) : member;
        }
        return async (...args: never[]) => {
          const run = async (): Promise<unknown> => (member as (...given: never[]) => unknown).apply(target, args);
          const at = ++this.calls;
          await this.#clock.sleep(1);
          return !this.over && at >= this.#nth && at < this.#nth + this.#many ? this.#fault(run, this.#clock) : run();
        };
      },
    });
  }
}

interface Outcome {
  readonly calls: number;
  readonly problems: readonly string[];
}

async function run(fault: Fault, nth: number, many: number): Promise<Outcome> {
  const clock = new SimulatedClock();
  const random = seededRandom(1);
  const server = new MemoryKvStore({}, { clock });
  const sabotage = new Sabotage(clock, fault, nth, many);
  const [a, b] = [1, 2].map(() =>
    createCache<number>(
      {
        store: sabotage.wrap(server.connect()),
        ttl: '1h',
        maxStaleness: `${MAX_STALENESS_MS}ms`,
        lease: '300ms',
        earlyRefresh: 0,
        failures: { backoff: '10ms' },
      },
      { clock, random },
    ),
  ) as [Cache<number>, Cache<number>];
  const problems: string[] = [];
  let version = 1;
  const load = async (): Promise<number> => {
    const read = version;
    await clock.sleep(20);
    return read;
  };
  const settle = async <T>(what: string, work: Promise<T>): Promise<T | undefined> => {
    const state = { pending: true };
    const watched = work.then(
      (value) => ((state.pending = false), value),
      (error: unknown) => {
        state.pending = false;
        problems.push(`${what} rejected: ${String(error)}`);
        return undefined;
      },
    );
    for (let at = 0; at < 300 && state.pending; at++) await clock.advance(10);
    if (!state.pending) return watched;
    problems.push(`${what} never ended`);
    return undefined;
  };
  const get = (cache: Cache<number>, key: string) => cache.getOrSet(key, load, { tags: ['t'] });
  /** After an invalidation that was acknowledged. */
  const mustSee = async (what: string, least: number): Promise<void> => {
    await clock.advance(MAX_STALENESS_MS + 1);
    for (const [name, cache] of Object.entries({ a, b })) {
      for (const key of ['k', 'late']) {
        const value = await settle(`${what}: ${name} reads ${key}`, get(cache, key));
        if (value !== undefined && value < least) problems.push(`${what}: ${name} has ${key}@${value}, not ${least}`);
      }
    }
  };

  await settle('both load', Promise.all([get(a, 'k'), get(b, 'k')]));
  await settle(
    'a load with a late tag',
    a.getOrSet('late', (context) => (context.setTags(['t']), load())),
  );
  const steps: Readonly<Record<string, () => Promise<unknown>>> = {
    'a tag': () => a.invalidateTags(['t']),
    'two keys': () => b.deleteMany(['k', 'late']),
    'a pattern': () => a.deletePattern('*'),
    'a load that a tag overtakes': () => {
      const slow = b.getOrSet('k', load, { tags: ['t'], forceFresh: true });
      return clock
        .sleep(10)
        .then(() => (version++, a.invalidateTags(['t'])))
        .then(() => slow);
    },
    'soft, by key': () => Promise.all([a.expire('k'), a.expire('late')]),
    everything: () => b.clear(),
  };
  for (const [what, step] of Object.entries(steps)) {
    version++;
    await settle(what, step());
    // What the store has still to hear of is not in force yet.
    if (a.stats().store!.owed + b.stats().store!.owed === 0) await mustSee(what, version);
  }
  const lease = await settle('begin', a.begin('page', { tags: ['t'] }));
  if (lease?.role === 'leader') await settle('commit', lease.commit(version, { tags: ['t'] }));
  await settle('set', a.set('set', version));

  sabotage.over = true;
  await clock.advance(10_000);
  version++;
  await settle('a last invalidation', a.clear());
  for (const [name, cache] of Object.entries({ a, b })) {
    const { store, violations, memory } = cache.stats();
    if (!store!.available || store!.owed > 0) problems.push(`${name} has not recovered`);
    if (violations > 0) problems.push(`${name} counted violations`);
    if (memory.entries > 10) problems.push(`${name} keeps ${memory.entries} entries`);
  }
  await mustSee('in the end', version);
  const free = await settle('a last lease', a.begin('page', { tags: ['t'] }));
  if (free?.role !== 'leader') problems.push('a lease is held by nobody');
  await Promise.all([a.close(), b.close()]);
  return { calls: sabotage.calls, problems };
}

for (const [what, fault] of Object.entries(FAULTS)) {
  for (const many of [1, 40]) {
    test(`${many === 1 ? 'a call' : `${many} calls in a row`} of the store: each ${what}`, async () => {
      const { calls, problems } = await run(fault, Infinity, many);
      assert.deepEqual(problems, [], 'without any fault');
      assert.ok(calls > 40, `${calls} calls`);
      for (let nth = 1; nth <= calls; nth++) assert.deepEqual((await run(fault, nth, many)).problems, [], `call ${nth}`);
    });
  }
}
