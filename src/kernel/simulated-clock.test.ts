import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SimulatedClock } from './simulated-clock.ts';

test('timers fire in order of due time, then of creation', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(50), { maxLength: 30 }), async (delays) => {
      const clock = new SimulatedClock();
      const fired: [number, number][] = [];
      delays.forEach((delay, order) => clock.setTimer(() => fired.push([delay, order]), delay));
      await clock.advance(50);
      const expected = delays
        .map((delay, order): [number, number] => [delay, order])
        .toSorted((a, b) => a[0] - b[0] || a[1] - b[1]);
      assert.deepEqual(fired, expected);
      assert.equal(clock.pendingTimers, 0);
    }),
    { numRuns: 50 },
  );
});

test('promises settle between two timers', async () => {
  const clock = new SimulatedClock();
  const seen: string[] = [];
  const work = async (): Promise<void> => {
    await clock.sleep(10);
    seen.push('first');
    await clock.sleep(10);
    seen.push('second');
  };
  const done = work();
  clock.setTimer(() => seen.push('between'), 15);
  await clock.advance(20);
  await done;
  assert.deepEqual(seen, ['first', 'between', 'second']);
});

test('a repeating timer fires until cancelled, and each firing sees its own due time', async () => {
  const clock = new SimulatedClock(1000);
  const times: number[] = [];
  const timer = clock.setRepeating(() => {
    times.push(clock.now());
    if (times.length === 3) timer.cancel();
  }, 10);
  await clock.advance(100);
  assert.deepEqual(times, [1010, 1020, 1030]);
  assert.equal(clock.pendingTimers, 0);
});

test('until stops at the condition, and says when it never holds', async () => {
  const clock = new SimulatedClock(0);
  let ready = false;
  clock.setTimer(() => (ready = true), 30);
  clock.setTimer(() => assert.fail('went too far'), 40);
  await clock.until(() => ready);
  assert.equal(clock.now(), 30);
  await assert.rejects(
    clock.until(() => false, 5),
    /did not hold within 5 ms/,
  );
});
