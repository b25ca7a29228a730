/** Counts that workers share through their primary, at both ends of a line. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Metrics, seededRandom, SimulatedClock } from '../kernel/index.ts';
import { createConcurrencyLimiter, createLimiter } from '../limit/index.ts';
import type { CounterStore, StoredLimit } from '../ports/index.ts';
import { MemoryCounterStore } from './memory-counter-store.ts';
import { remoteCounterStore, serveCounterStore, type CounterLine } from './remote-counter-store.ts';

type Answer = (payload: unknown, workerId: number) => unknown;

/** A primary with workers in one process; a message takes a ms, and is cloned as between processes. */
function machine(clock: SimulatedClock) {
  const memory = new MemoryCounterStore({}, { clock });
  let messages = 0;
  let silent = false;
  let answer: Answer = () => undefined;
  const gone = serveCounterStore(() => memory.connect(), { answer: (_, fn) => (answer = fn) });
  const worker = (id: number): CounterStore => {
    const line: CounterLine = {
      ask: async (_, payload, withinMs) => {
        messages++;
        await clock.sleep(silent ? withinMs : 1);
        if (silent) throw new Error('silence');
        return structuredClone(await answer(structuredClone(payload), id));
      },
    };
    return remoteCounterStore(line);
  };
  return { worker, gone, silence: (on: boolean) => (silent = on), messages: () => messages };
}

async function settled<T>(clock: SimulatedClock, work: Promise<T>): Promise<T> {
  let done = false;
  work.then(
    () => (done = true),
    () => (done = true),
  );
  await clock.until(() => done, 60_000);
  return work;
}

const sliding = (limit: number): StoredLimit[] => [
  { algorithm: 'sliding', limit, windowMs: 1000, buckets: 10, burst: 0, periods: [] },
];
const request = (key: string, limits: readonly StoredLimit[]) => ({
  groups: [{ key, limits }],
  cost: 1,
  atLeast: 1,
  leaseMs: 0,
  force: false,
});

for (const leases of [false, true]) {
  test(`four workers hold one limit together, ${leases ? 'with' : 'without'} leases`, async () => {
    const clock = new SimulatedClock();
    const { worker, messages } = machine(clock);
    const [limit, windowMs] = [1200, 6000];
    const limiters = [1, 2, 3, 4].map((id) =>
      createLimiter(
        { limits: [{ limit, window: `${windowMs}ms`, by: () => 'all' }], store: worker(id), leases },
        { clock, random: seededRandom(id) },
      ),
    );
    const random = seededRandom(9);
    const admittedMs: number[] = [];
    let decisions = 0;
    const client = async (at: number): Promise<void> => {
      while (clock.monotonic() < 3 * windowMs) {
        const decision = await limiters[at]!.check({});
        decisions++;
        if (decision.allowed) admittedMs.push(clock.monotonic());
        await clock.sleep(2 + 6 * random.next());
      }
    };
    await settled(clock, Promise.all([0, 1, 2, 3, 0, 1].map(client)));
    const inWindow = admittedMs.map((last) => admittedMs.filter((ms) => ms > last - windowMs + 2 && ms <= last).length);
    const worst = Math.max(...inWindow);
    assert.ok(worst <= limit, `${worst} of ${limit}`);
    assert.ok(worst >= 0.9 * limit, `only ${worst} of ${limit} were usable`);
    if (leases) assert.ok(messages() < 0.1 * decisions, `${messages()} messages for ${decisions} decisions`);
  });
}

test('a leased quota holds to the unit across the end of its period, and each mark is reported once', async () => {
  const hourMs = 3_600_000;
  const clock = new SimulatedClock(Date.UTC(2026, 0, 1) + hourMs - 5000);
  const { worker, messages } = machine(clock);
  const marks: number[] = [];
  const limiters = [1, 2].map((id) =>
    createLimiter(
      { limit: 3000, algorithm: 'quota', period: 'hour', by: () => 'all', store: worker(id), leases: true },
      { clock, random: seededRandom(id) },
    ),
  );
  for (const limiter of limiters) limiter.events.on('quotaReached', ({ share }) => marks.push(share));
  const allowed = { before: 0, after: 0 };
  let decisions = 0;
  const client = async (at: number): Promise<void> => {
    while (clock.monotonic() < 15_000) {
      decisions++;
      const decision = await limiters[at]!.check({});
      if (decision.allowed) allowed[clock.monotonic() < 5000 ? 'before' : 'after']++;
      await clock.sleep(2);
    }
  };
  await settled(clock, Promise.all([client(0), client(1)]));
  assert.ok(allowed.before > 2900 && allowed.before <= 3000, `${allowed.before} in the first hour`);
  assert.equal(allowed.after, 3000);
  assert.deepEqual(marks, [0.8, 1, 0.8, 1]);
  assert.ok(messages() < 0.1 * decisions, `${messages()} messages for ${decisions} decisions`);
});

test('a worker leaves its counts to its successor, and its permits to the others', async () => {
  const clock = new SimulatedClock();
  const { worker, gone } = machine(clock);
  const first = worker(1);
  const limiter = createLimiter({ limit: 3, window: '1m', by: 'everyone', store: first }, { clock });
  for (let i = 0; i < 3; i++) await settled(clock, Promise.resolve(limiter.check({})));
  const permits = createConcurrencyLimiter({ limit: 1, by: 'everyone', store: first }, { clock });
  assert.equal((await settled(clock, permits.acquire({}))).granted, true);
  gone(1);
  const store = worker(2);
  const successor = createLimiter({ limit: 3, window: '1m', by: 'everyone', store }, { clock });
  assert.equal((await settled(clock, Promise.resolve(successor.check({})))).allowed, false);
  const others = createConcurrencyLimiter({ limit: 1, by: 'everyone', store }, { clock });
  assert.equal((await settled(clock, others.acquire({}))).granted, true);
  permits.close();
  others.close();
});

test('an address counts the same whether or not a request names a user beside it', async () => {
  const clock = new SimulatedClock();
  const store = new MemoryCounterStore({}, { clock }).connect();
  const limits = [
    { limit: 100, window: '1m', by: 'user' as const },
    { limit: 3, window: '1m', by: 'ip' as const },
  ];
  const limiter = createLimiter({ limits, store }, { clock });
  const ip = '192.0.2.1';
  const allowed: boolean[] = [];
  for (const subject of [{ ip }, { ip, user: 'a' }, { ip }, { ip, user: 'b' }])
    allowed.push((await settled(clock, Promise.resolve(limiter.check(subject)))).allowed);
  assert.deepEqual(allowed, [true, true, true, false]);
});

test('each worker knows how many there are', async () => {
  const clock = new SimulatedClock();
  const { worker, gone } = machine(clock);
  const stores = [1, 2, 3].map(worker);
  await clock.advance(5);
  await settled(clock, stores[0]!.ping());
  assert.equal(stores[0]!.instances, 3);
  gone(3);
  await settled(clock, stores[0]!.ping());
  assert.equal(stores[0]!.instances, 2);
});

test('calls that gather while others are under way travel together, in order', async () => {
  const clock = new SimulatedClock();
  const { worker, messages } = machine(clock);
  const store = worker(1);
  await clock.advance(5);
  const before = messages();
  const answers = await settled(clock, Promise.all(Array.from({ length: 100 }, () => store.take(request('k', sliding(60))))));
  assert.equal(messages() - before, 3);
  assert.deepEqual(
    answers.map(({ allowed }) => allowed),
    Array.from({ length: 100 }, (_, i) => i < 60),
  );
});

test('a primary that falls silent leaves each worker its share', async () => {
  const clock = new SimulatedClock();
  const { worker, silence } = machine(clock);
  const stores = [1, 2].map(worker);
  const limiter = createLimiter({ limit: 10, window: '1m', by: 'everyone', store: stores[0]! }, { clock });
  await clock.advance(5);
  await settled(clock, stores[0]!.ping());
  silence(true);
  let allowed = 0;
  for (let i = 0; i < 20; i++) if ((await settled(clock, Promise.resolve(limiter.check({})))).allowed) allowed++;
  assert.equal(allowed, 5);
  silence(false);
  let isUp = false;
  limiter.events.on('storeUp', () => (isUp = true));
  await clock.until(() => isUp, 5000);
  assert.equal((await settled(clock, Promise.resolve(limiter.peek({})))).remaining, 5, 'what went through is counted now');
});

test('a closed store refuses at once', async () => {
  const store = machine(new SimulatedClock()).worker(1);
  await store.close();
  await assert.rejects(store.ping(), { code: 'SPILLWAY_COUNTER_STORE_FAILED' });
});

test('a full table forgets what has run out, then the least used', async () => {
  const clock = new SimulatedClock();
  const metrics = new Metrics();
  const store = new MemoryCounterStore({ maxKeys: 3 }, { clock, metrics }).connect();
  const take = (key: string) => store.take(request(key, sliding(2)));
  for (const key of ['near its limit', 'once', 'near its limit', 'twice', 'twice', 'new']) await take(key);
  assert.equal((await take('near its limit')).allowed, false);
  assert.equal((await take('twice')).allowed, false);
  const sizes = () =>
    metrics
      .snapshot()
      .families.filter(({ name }) => name.startsWith('spillway_counter_store'))
      .map(({ series }) => series[0]!.value);
  assert.deepEqual(sizes(), [3, 1]);
  await clock.advance(1101);
  for (const key of ['a', 'b', 'c']) await take(key);
  assert.deepEqual(sizes(), [3, 1]);
});
