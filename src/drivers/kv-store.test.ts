/** The store that workers share through their primary, at both ends of a line that keeps order. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCache, type FillLease } from '../cache/index.ts';
import { seededRandom, SimulatedClock } from '../kernel/index.ts';
import { KV_STORE_CONTRACT, type KvStoreRig } from '../testing/index.ts';
import type { KvStore } from '../ports/index.ts';
import { MemoryKvStore } from './memory-kv-store.ts';
import { remoteKvStore, serveKvStore, type StoreLine, type StoreLines } from './remote-kv-store.ts';

/** A primary with workers in one process; messages take a turn of the event loop, in order. */
function machine(clock: SimulatedClock, maxBytes?: number) {
  const store = new MemoryKvStore(maxBytes === undefined ? {} : { maxBytes }, { clock });
  const primary = new Map<string, (payload: unknown, workerId: number) => unknown>();
  const workers = new Map<number, Map<string, (payload: unknown) => unknown>>();
  let frozen = false;
  const later = async <T>(work: () => T): Promise<T> => {
    await clock.sleep(1);
    if (frozen) await new Promise(() => {});
    return work();
  };
  const lines: StoreLines = {
    answer: (kind, fn) => void primary.set(kind, fn),
    askWorker: (id, kind, payload) => later(() => workers.get(id)!.get(kind)!(structuredClone(payload))),
  };
  const gone = serveKvStore(() => store.connect(), lines);
  const connect = (id: number) => {
    const answers = new Map<string, (payload: unknown) => unknown>();
    workers.set(id, answers);
    const line: StoreLine = {
      ask: (kind, payload, withinMs) =>
        Promise.race([
          later(() => primary.get(kind)!(structuredClone(payload), id)),
          clock.sleep(withinMs).then(() => Promise.reject(new Error('silence'))),
        ]),
      answer: (kind, fn) => void answers.set(kind, fn),
    };
    return remoteKvStore(line, clock);
  };
  const worker = (id: number) => createCache<string>({ store: connect(id), ttl: '1m' }, { clock, random: seededRandom(id) });
  return { connect, worker, gone, freeze: () => (frozen = true) };
}

async function settled<T>(clock: SimulatedClock, work: Promise<T>): Promise<T> {
  let done = false;
  const watched = work.finally(() => (done = true));
  watched.catch(() => {});
  await clock.until(() => done, 60_000);
  return watched;
}

function rigOf(clock: SimulatedClock, connect: () => KvStore): KvStoreRig {
  return {
    clock,
    connect: async () => connect(),
    until: async (what, condition) => {
      for (const deadlineMs = clock.now() + 60_000; !(await condition()); await clock.sleep(1))
        assert.ok(clock.now() < deadlineMs, what);
    },
  };
}

for (const { title, run } of KV_STORE_CONTRACT) {
  test(`in memory: ${title}`, async () => {
    const clock = new SimulatedClock();
    const store = new MemoryKvStore({}, { clock });
    await settled(clock, run(rigOf(clock, () => store.connect())));
  });

  test(`through the primary: ${title}`, async () => {
    const clock = new SimulatedClock();
    const { connect } = machine(clock);
    let workers = 0;
    await settled(clock, run(rigOf(clock, () => connect(++workers))));
  });
}

test('what one worker stores, the others serve; a cold key is loaded once', async () => {
  const clock = new SimulatedClock();
  const { worker } = machine(clock);
  const [a, b] = [worker(1), worker(2)];
  let loads = 0;
  const load = async (): Promise<string> => {
    loads++;
    await clock.sleep(50);
    return 'page';
  };
  const asked = [a, b, a, b].map((cache) => cache.getOrSet('k', load));
  assert.deepEqual(await settled(clock, Promise.all(asked)), ['page', 'page', 'page', 'page']);
  assert.equal(loads, 1);
});

test('an invalidation by one worker is in force on the others once theirs was told', async () => {
  const clock = new SimulatedClock();
  const { worker } = machine(clock);
  const [a, b] = [worker(1), worker(2)];
  await settled(clock, a.set('k', 'old', { tags: ['plan:1'] }));
  assert.equal(await settled(clock, b.get('k')), 'old');
  await settled(clock, a.invalidateTags(['plan:1']));
  await clock.advance(5);
  assert.equal(await settled(clock, b.get('k')), undefined);
});

test('a value that a tag made worthless does not keep another from being made', async () => {
  const clock = new SimulatedClock();
  const { worker } = machine(clock);
  const [a, b] = [worker(1), worker(2)];
  await settled(clock, a.set('k', 'old', { tags: ['plan:1'] }));
  await settled(clock, a.invalidateTags(['plan:1']));
  const fill = await settled(clock, b.begin('k', { tags: ['plan:1'] }));
  assert.equal(fill.role, 'leader');
  assert.equal(await settled(clock, (fill as FillLease<string>).commit('new', { tags: ['plan:1'] })), true);
  assert.equal(await settled(clock, a.get('k')), 'new');
});

test('a worker that dies while it loads gives its lease back', async () => {
  const clock = new SimulatedClock();
  const { worker, gone } = machine(clock);
  const [a, b] = [worker(1), worker(2)];
  void a.getOrSet('k', () => new Promise<string>(() => {})).catch(() => {});
  await clock.advance(10);
  const second = b.getOrSet('k', async () => 'from b');
  await clock.advance(10);
  gone(1);
  assert.equal(await settled(clock, second), 'from b');
});

test('a primary that falls silent makes misses, not errors', async () => {
  const clock = new SimulatedClock();
  const { worker, freeze } = machine(clock);
  const a = worker(1);
  await settled(clock, a.set('k', 'v'));
  freeze();
  assert.equal(
    await settled(
      clock,
      a.getOrSet('other', async () => 'loaded'),
    ),
    'loaded',
  );
});

test('the store keeps within its bytes, the least recently used going first', async () => {
  const clock = new SimulatedClock();
  const store = new MemoryKvStore({ maxBytes: 3000 }, { clock }).connect();
  const value = { storedMs: 1, freshUntilMs: 1e15, bytes: new Uint8Array(1000) };
  for (const key of ['a', 'b']) await store.put([{ key, value, keepMs: 1000 }]);
  await store.get('a');
  await store.put([{ key: 'c', value, keepMs: 1000 }]);
  const present = await store.getMany(['a', 'b', 'c']);
  assert.deepEqual(present.map(Boolean), [true, false, true]);
  await clock.advance(1001);
  assert.equal(await store.get('a'), undefined);
});
