import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from './clock.ts';

test('a system timer fires and a cancelled one does not', async () => {
  const fired: string[] = [];
  const cancelled = systemClock.setTimer(() => fired.push('cancelled'), 1);
  cancelled.cancel();
  await new Promise<void>((resolve) => {
    systemClock.setTimer(
      () => {
        fired.push('kept');
        resolve();
      },
      2,
      { keepAlive: true },
    );
  });
  assert.deepEqual(fired, ['kept']);
});

test('sleep rejects with the reason when its signal aborts, before or meanwhile', async () => {
  const reason = new Error('enough');
  await assert.rejects(systemClock.sleep(60_000, AbortSignal.abort(reason)), reason);
  const controller = new AbortController();
  const sleeping = systemClock.sleep(60_000, controller.signal);
  controller.abort(reason);
  await assert.rejects(sleeping, reason);
});

test('a timer beyond 24.8 days does not fire at once, as Node’s own would', async () => {
  let fired = false;
  const timer = systemClock.setTimer(() => (fired = true), 2 ** 31 + 1000);
  // A delay that overflows fires after a millisecond.
  await systemClock.sleep(5);
  timer.cancel();
  assert.equal(fired, false);
});
