/**
 * What every store of counts must do, whatever it is made of. Windows are seconds long, so that a busy machine does not
 * let them pass between two calls.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { CounterStore, StoredLimit, TakeAnswer } from '../../src/ports/index.ts';
import { eventually } from '../servers/index.ts';

export const sliding = (limit: number, windowMs = 60_000, buckets = 20): StoredLimit => ({
  algorithm: 'sliding',
  limit,
  windowMs,
  buckets,
  burst: 0,
  periods: [],
});
const smooth = (limit: number, burst: number, windowMs = 60_000): StoredLimit => ({
  algorithm: 'smooth',
  limit,
  windowMs,
  buckets: 0,
  burst,
  periods: [],
});
const quota = (limit: number, periods: number[]): StoredLimit => ({
  algorithm: 'quota',
  limit,
  windowMs: 86_400_000,
  buckets: 0,
  burst: 0,
  periods,
});

export interface OpenStore {
  readonly store: CounterStore;
  close(): Promise<void>;
}

export function describeCounterStore(name: string, open: () => Promise<OpenStore>): void {
  describe(name, { concurrency: true }, () => {
    let counters: CounterStore;
    let close: () => Promise<void>;

    before(async () => {
      ({ store: counters, close } = await open());
      await eventually('the store answers', () =>
        counters.ping().then(
          () => true,
          () => false,
        ),
      );
    });
    after(() => close());

    let keys = 0;
    const newKey = (): string => `key ${keys++}`;
    const take = (limits: readonly StoredLimit[], key: string, cost = 1, atLeast = cost, leaseMs = 0): Promise<TakeAnswer> =>
      counters.take({ groups: [{ key, limits }], cost, atLeast, leaseMs, force: false });

    test('counts up to the limit, then says when there is room again', async () => {
      const [limits, key] = [[sliding(3, 2000, 4)], newKey()];
      for (const used of [1, 2, 3]) assert.equal((await take(limits, key)).states[0]!.used, used);
      const refusal = await take(limits, key);
      assert.equal(refusal.allowed, false);
      const [state] = refusal.states;
      assert.ok(state!.retryAfterMs > 0 && state!.retryAfterMs <= 2501, `${state!.retryAfterMs}`);
      assert.ok(state!.resetMs >= state!.retryAfterMs);
      await eventually('the window has passed', async () => (await take(limits, key)).allowed);
    });

    test('several limits of one key: all count or none does', async () => {
      const [limits, key] = [
        [sliding(10), smooth(100, 2), quota(5, [0, Date.now() - 1000, Date.now() + 3_600_000, Date.now() + 7_200_000])],
        newKey(),
      ];
      await take(limits, key);
      await take(limits, key);
      const refusal = await take(limits, key);
      assert.equal(refusal.allowed, false);
      assert.deepEqual(
        refusal.states.map((state) => state.used),
        [2, 2, 2],
      );
      assert.deepEqual(
        refusal.states.map((state) => state.retryAfterMs > 0),
        [false, true, false],
      );
    });

    test('limits of several keys: what one granted is returned when another refuses', async () => {
      const [wide, narrow] = [
        { key: newKey(), limits: [sliding(10)] },
        { key: newKey(), limits: [sliding(1)] },
      ];
      const both = (): Promise<TakeAnswer> =>
        counters.take({ groups: [wide, narrow], cost: 1, atLeast: 1, leaseMs: 0, force: false });
      assert.equal((await both()).allowed, true);
      assert.equal((await both()).allowed, false);
      const look = await counters.take({ groups: [wide], cost: 0, atLeast: 0, leaseMs: 0, force: false });
      assert.equal(look.states[0]!.used, 1);
    });

    test('a refund gives back what still counts, once per unit, and never more', async () => {
      const limits = [
        sliding(5),
        smooth(100, 5),
        quota(5, [0, Date.now() - 1000, Date.now() + 3_600_000, Date.now() + 7_200_000]),
      ];
      const group = { key: newKey(), limits };
      const first = await take(limits, group.key, 4);
      await counters.refund([{ group, receipts: first.states.map((state) => state.receipt), cost: 3 }]);
      const look = (): Promise<TakeAnswer> => take(limits, group.key, 0);
      assert.deepEqual(
        (await look()).states.map((state) => state.used),
        [1, 1, 1],
      );
      await counters.refund([{ group, receipts: undefined, cost: 9 }]);
      assert.deepEqual(
        (await look()).states.map((state) => state.used),
        [0, 0, 0],
      );
      await counters.refund([{ group: { key: newKey(), limits }, receipts: undefined, cost: 1 }]);
    });

    test('a receipt of a bucket that has left the window gives nothing back', async () => {
      const limits = [sliding(5, 1500, 2)];
      const group = { key: newKey(), limits };
      const old = await take(limits, group.key, 3);
      await eventually('the first units have run out', async () => (await take(limits, group.key, 0)).states[0]!.used === 0);
      await take(limits, group.key, 2);
      await counters.refund([{ group, receipts: old.states.map((state) => state.receipt), cost: 3 }]);
      assert.equal((await take(limits, group.key, 0)).states[0]!.used, 2);
    });

    test('a lease is granted as far as there is room, and counts from its end', async () => {
      const [limits, key] = [[sliding(10, 60_000, 60)], newKey()];
      const lease = await take(limits, key, 8, 1, 1000);
      assert.equal(lease.granted, 8);
      const rest = await take(limits, key, 8, 1, 1000);
      assert.equal(rest.granted, 2);
      assert.equal((await take(limits, key, 8, 1, 1000)).allowed, false);
      const now = await take(limits, newKey());
      const leased = await take(limits, newKey(), 8, 1, 1000);
      assert.ok(leased.states[0]!.receipt > now.states[0]!.receipt, 'booked in the bucket of its end');
    });

    test('forced units are counted as far as the limit reaches', async () => {
      const [limits, key] = [[sliding(5)], newKey()];
      await take(limits, key, 3);
      await counters.take({ groups: [{ key, limits }], cost: 9, atLeast: 0, leaseMs: 0, force: true });
      assert.equal((await take(limits, key, 0)).states[0]!.used, 5);
    });

    test('a quota begins anew with its period, by the clock of the store', async () => {
      const edge = Date.now() + 2000;
      const [limits, key] = [[quota(2, [edge - 86_400_000, edge, edge + 86_400_000])], newKey()];
      assert.equal((await take(limits, key, 2)).allowed, true);
      assert.equal((await take(limits, key)).allowed, false);
      await eventually('the next period has begun', async () => (await take(limits, key)).allowed);
    });

    test('reset forgets a key', async () => {
      const [limits, key] = [[sliding(1)], newKey()];
      await take(limits, key);
      await counters.reset([key]);
      assert.equal((await take(limits, key)).allowed, true);
    });

    test('permits are held until given back or until their lease ends', async () => {
      const key = newKey();
      assert.equal((await counters.acquirePermit(key, 'a', 2, 2000)).granted, true);
      assert.equal((await counters.acquirePermit(key, 'b', 2, 60_000)).granted, true);
      const refusal = await counters.acquirePermit(key, 'c', 2, 60_000);
      assert.equal(refusal.granted, false);
      assert.ok(refusal.retryAfterMs > 0 && refusal.retryAfterMs <= 2000);
      await counters.releasePermit(key, 'b');
      assert.equal((await counters.acquirePermit(key, 'c', 2, 60_000)).granted, true);
      await eventually('the first lease has ended', async () => (await counters.acquirePermit(key, 'd', 2, 60_000)).granted);
      assert.equal(await counters.renewPermit(key, 'a', 300), false);
      assert.equal(await counters.renewPermit(key, 'c', 60_000), true);
    });

    test('what has run out counts no more', async () => {
      const [limits, key] = [[sliding(3, 200, 2), smooth(10, 1, 200)], newKey()];
      await take(limits, key);
      await eventually('no state is left', async () => (await take(limits, key, 0)).states.every((state) => state.used === 0));
    });
  });
}
