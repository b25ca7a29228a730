/** What a limiter does when its store answers late, not at all, or again: on the simulated clock. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom, SimulatedClock, SpillwayError } from '../kernel/index.ts';
import type { CounterStore, RefundEntry, TakeAnswer, TakeRequest } from '../ports/index.ts';
import { createLimiter, type Limiter, type PolicyLimiter } from './limit.ts';
import type { LimiterOptions } from './options.ts';

/** A store with one count per key and no time of its own, whose answers can be held back or made to fail. */
class FakeStore implements CounterStore {
  readonly used = new Map<string, number>();
  readonly calls: TakeRequest[] = [];
  latencyMs = 1;
  isFrozen = false;
  isFailing = false;
  instances = 4;
  readonly #clock: SimulatedClock;
  #held: (() => void)[] = [];

  constructor(clock: SimulatedClock) {
    this.#clock = clock;
  }

  async take(request: TakeRequest): Promise<TakeAnswer> {
    this.calls.push(request);
    await this.#answerTime();
    const { groups, cost, atLeast, force } = request;
    const room = Math.min(...groups.map(({ key, limits }) => limits[0]!.limit - (this.used.get(key) ?? 0)));
    const granted = force ? Math.max(0, Math.min(cost, room)) : room >= atLeast ? Math.min(cost, room) : 0;
    const allowed = force || room >= atLeast;
    for (const { key } of groups) this.used.set(key, (this.used.get(key) ?? 0) + granted);
    const states = groups.map(({ key }) => ({
      used: this.used.get(key)!,
      resetMs: 60_000,
      retryAfterMs: allowed ? 0 : 5000,
      receipt: 1,
    }));
    return { allowed, granted, states };
  }

  async refund(entries: readonly RefundEntry[]): Promise<void> {
    await this.#answerTime();
    for (const { group, cost } of entries) this.used.set(group.key, Math.max(0, (this.used.get(group.key) ?? 0) - cost));
  }

  async reset(keys: readonly string[]): Promise<void> {
    for (const key of keys) this.used.delete(key);
  }

  async acquirePermit() {
    return { granted: true, held: 1, retryAfterMs: 0 };
  }

  async renewPermit(): Promise<boolean> {
    return true;
  }

  async releasePermit(): Promise<void> {}

  async ping(): Promise<void> {
    await this.#answerTime();
  }

  async close(): Promise<void> {}

  get total(): number {
    return [...this.used.values()].reduce((sum, units) => sum + units, 0);
  }

  thaw(): void {
    this.isFrozen = false;
    for (const answer of this.#held.splice(0)) answer();
  }

  async #answerTime(): Promise<void> {
    if (this.isFailing) throw new SpillwayError('SPILLWAY_COUNTER_STORE_FAILED', 'down');
    if (this.isFrozen) await new Promise<void>((resolve) => this.#held.push(resolve));
    else await this.#clock.sleep(this.latencyMs);
  }
}

function create(options: Partial<LimiterOptions> = {}) {
  const clock = new SimulatedClock();
  const store = new FakeStore(clock);
  const limiter: Limiter = createLimiter({ limit: 100, window: '1m', store, ...options }, { clock, random: seededRandom(1) });
  /** Decides while time goes on; how long it took, too. */
  const check = async (key = 'k', cost = 1) => {
    const startMs = clock.monotonic();
    let decision: Awaited<ReturnType<Limiter['check']>> | undefined;
    void Promise.resolve(limiter.check(key, { cost })).then((settled) => (decision = settled));
    await clock.until(() => decision !== undefined);
    return Object.assign(decision!, { tookMs: clock.monotonic() - startMs });
  };
  const times = async (n: number, key?: string) => {
    let allowed = 0;
    for (let i = 0; i < n; i++) if ((await check(key)).allowed) allowed++;
    return allowed;
  };
  return { clock, store, limiter, check, times };
}

test('the store decides, and a refusal of it is repeated here until it can succeed', async () => {
  const { clock, store, check, times } = create({ limit: 3 });
  assert.equal(await times(10), 3);
  assert.equal(store.calls.length, 4);
  await clock.advance(3000);
  const repeated = await check();
  assert.equal(store.calls.length, 4);
  assert.ok(repeated.retryAfterMs <= 2000 && repeated.retryAfterMs > 1900);
  await clock.advance(2000);
  await check();
  assert.equal(store.calls.length, 5);
});

test('a frozen store keeps no decision waiting beyond the deadline, and soon none at all', async () => {
  const { store, check } = create();
  await check();
  store.isFrozen = true;
  const took: number[] = [];
  for (let i = 0; i < 20; i++) took.push((await check()).tookMs);
  assert.deepEqual(took.slice(0, 3), [26, 26, 26]);
  assert.deepEqual(took.slice(3), Array(17).fill(0));
});

test('while the store is away a process grants its share of the limit, with what it granted before counted in', async () => {
  const { store, times } = create();
  assert.equal(await times(10), 10);
  store.isFrozen = true;
  assert.equal(await times(100), 15);
});

test('instances can be declared where the store cannot know them', async () => {
  const { store, times } = create({ instances: 2 });
  store.isFailing = true;
  assert.equal(await times(100), 50);
});

test('onStoreFailure: open admits all, closed refuses all and says when to come back', async () => {
  const open = create({ onStoreFailure: 'open', limit: 1 });
  open.store.isFailing = true;
  assert.equal(await open.times(10), 10);
  const closed = create({ onStoreFailure: 'closed' });
  closed.store.isFailing = true;
  const refusal = await closed.check();
  assert.deepEqual([refusal.allowed, refusal.reason, refusal.retryAfterMs], [false, 'storeFailed', 1000]);
});

test('it heals within a second, and what was granted meanwhile is counted before the store decides again', async () => {
  const { clock, store, limiter, times } = create();
  const healed: number[] = [];
  limiter.events.on('storeUp', () => healed.push(clock.monotonic()));
  store.isFailing = true;
  assert.equal(await times(20), 20);
  await clock.advance(10_000);
  const backMs = clock.monotonic();
  store.isFailing = false;
  await clock.until(() => healed.length > 0);
  assert.ok(healed[0]! - backMs <= 1000, `${healed[0]! - backMs} ms`);
  assert.equal(store.total, 20);
  assert.equal(await times(100), 80);
});

test('a store that answers, but too slowly, stays away', async () => {
  const { clock, store, limiter, times } = create();
  let up = 0;
  limiter.events.on('storeUp', () => up++);
  store.latencyMs = 200;
  await times(5);
  await clock.advance(20_000);
  assert.equal(up, 0);
  store.latencyMs = 1;
  await clock.advance(1000);
  assert.equal(up, 1);
});

test('answers that come after the decision are evened out: nothing counts twice, and nothing that was refused counts', async () => {
  const { clock, store, times } = create({ limit: 8, instances: 4 });
  store.isFrozen = true;
  assert.equal(await times(3), 2, 'a share of two: the third is refused here although the store will count it');
  store.thaw();
  await clock.advance(2000);
  assert.equal(store.total, 2);
});

test('a refund of a decision goes where it was counted', async () => {
  const { clock, store, limiter, check } = create();
  const decision = await check('k', 5);
  void limiter.refund(decision, 2);
  await clock.advance(10);
  assert.equal(store.total, 3);
  void limiter.refund(decision);
  void limiter.refund(decision);
  await clock.advance(10);
  assert.equal(store.total, 0);
});

test('a reservation counts what was needed in the end', async () => {
  const { clock, store, limiter } = create();
  const settle = async (work: Promise<unknown>) => {
    let done = false;
    void work.then(() => (done = true));
    await clock.until(() => done);
  };
  const reserveAnd = (act: (reservation: Awaited<ReturnType<Limiter['reserve']>>) => Promise<void>): Promise<void> =>
    settle(Promise.resolve(limiter.reserve('k', { cost: 10 })).then(act));
  await reserveAnd((reservation) => reservation.commit(4));
  assert.equal(store.total, 4);
  await reserveAnd((reservation) => reservation.cancel());
  assert.equal(store.total, 4);
  await reserveAnd(async (reservation) => {
    await reservation.commit(15);
    await reservation.cancel();
  });
  assert.equal(store.total, 19);
});

test('hot keys are served from leases: few calls, never more than the limit, and what is left returns', async () => {
  const { clock, store, limiter } = create({ limit: 2000, window: '1m', leases: true, leaseAbove: 50 });
  let allowed = 0;
  for (let i = 0; i < 3000; i++) {
    void Promise.resolve(limiter.check('hot')).then((decision) => (allowed += decision.allowed ? 1 : 0));
    if (i % 10 === 0) await clock.advance(5);
  }
  await clock.advance(100);
  assert.equal(allowed, 2000);
  assert.ok(store.calls.length < 0.1 * 3000, `${store.calls.length} calls`);
  assert.equal(store.total, 2000);
});

test('what a lease did not need is returned when it ends', async () => {
  const { clock, store, limiter } = create({ limit: 4000, window: '1m', leases: true });
  for (let i = 0; i < 300; i++) {
    void limiter.check('hot');
    await clock.advance(5);
  }
  await clock.advance(5000);
  assert.equal(store.total, 300);
});

test('a leased unit decides at once; without one nothing is counted, and the store is left alone', async () => {
  const { clock, store, limiter } = create({ limit: 4000, window: '1m', leases: true, leaseAbove: 50 });
  const atOnce = limiter as PolicyLimiter;
  assert.equal(atOnce.checkNow({ ip: '192.0.2.1' }), undefined);
  assert.equal(store.calls.length, 0);
  for (let i = 0; i < 300; i++) {
    void limiter.check({ ip: '192.0.2.1' });
    await clock.advance(5);
  }
  const calls = store.calls.length;
  const first = atOnce.checkNow({ ip: '192.0.2.1' })!;
  const second = atOnce.checkNow({ ip: '192.0.2.1' })!;
  assert.deepEqual([first.allowed, second.remaining], [true, first.remaining - 1]);
  assert.equal(store.calls.length, calls);
  await clock.advance(5000);
  assert.equal(store.total, 302);
});

test('without a store answering from the start no decision rejects', async () => {
  const { store, check } = create();
  store.isFailing = true;
  const decision = await check();
  assert.deepEqual([decision.allowed, decision.reason], [true, 'storeFailed']);
});
