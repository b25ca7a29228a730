import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimulatedClock } from '../kernel/index.ts';
import { coarseTimeOf } from './coarse-time.ts';

test('the clock is read once in 20 ms, and only while someone asks', async () => {
  const clock = new ReadCounter();
  const time = coarseTimeOf(clock);
  assert.equal(coarseTimeOf(clock), time, 'one for all who use the clock');
  for (let i = 0; i < 1000; i++) assert.equal(time.nowMs, 0);
  assert.deepEqual([clock.reads, clock.pendingTimers], [1, 1]);
  await clock.advance(19);
  assert.equal(time.nowMs, 0, 'never ahead, and at most 20 ms behind');
  await clock.advance(1);
  assert.equal(time.nowMs, 20);
  await clock.advance(60_000);
  assert.deepEqual([clock.reads, clock.pendingTimers], [2, 0]);
  assert.equal(time.nowMs, 60_020);
});

class ReadCounter extends SimulatedClock {
  reads = 0;
  override monotonic(): number {
    this.reads++;
    return super.monotonic();
  }
}
