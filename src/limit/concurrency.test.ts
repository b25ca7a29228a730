import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimulatedClock } from '../kernel/index.ts';
import type { CounterStore } from '../ports/index.ts';
import { createConcurrencyLimiter } from './concurrency.ts';

test('so many at once, per key', async () => {
  const limiter = createConcurrencyLimiter({ limit: 2 }, { clock: new SimulatedClock() });
  const [first, second, third] = [await limiter.acquire('a'), await limiter.acquire('a'), await limiter.acquire('a')];
  assert.deepEqual([first.granted, second.granted, third.granted], [true, true, false]);
  assert.equal((await limiter.acquire('b')).granted, true);
  first.release();
  first.release();
  assert.equal((await limiter.acquire('a')).granted, true);
  assert.equal((await limiter.acquire('a')).granted, false);
});

test('with a store, permits are renewed while they are held, and no longer', async () => {
  const clock = new SimulatedClock();
  const [renewed, released]: [string[], string[]] = [[], []];
  const store = {
    instances: 1,
    acquirePermit: () => Promise.resolve({ granted: true, held: 1, retryAfterMs: 0 }),
    renewPermit: (_: string, holder: string) => Promise.resolve(renewed.push(holder) < 5),
    releasePermit: (_: string, holder: string) => Promise.resolve(void released.push(holder)),
  } as unknown as CounterStore;
  const limiter = createConcurrencyLimiter({ limit: 2, store, lease: '30s' }, { clock });
  let lost = 0;
  limiter.events.on('permitLost', () => lost++);
  const permit = await limiter.acquire('a');
  await clock.advance(40_000);
  assert.equal(renewed.length, 4);
  permit.release();
  await clock.advance(40_000);
  assert.equal(renewed.length, 4);
  assert.equal(released.length, 1);
  assert.equal(clock.pendingTimers, 0);
  await limiter.acquire('a');
  await clock.advance(10_000);
  assert.equal(lost, 1);
});

test('while the store is away each process grants its share', async () => {
  const clock = new SimulatedClock();
  const store = {
    instances: 4,
    acquirePermit: () => Promise.reject(new Error('down')),
    ping: () => Promise.reject(new Error('down')),
  };
  const limiter = createConcurrencyLimiter({ limit: 8, store: store as unknown as CounterStore }, { clock });
  const permits = await Promise.all(Array.from({ length: 8 }, () => limiter.acquire('a')));
  assert.equal(permits.filter((permit) => permit.granted).length, 2);
  limiter.close();
});
