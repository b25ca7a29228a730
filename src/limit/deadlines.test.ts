import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimulatedClock } from '../kernel/index.ts';
import { Deadlines } from './deadlines.ts';

test('each call has its deadline, with one timer for all', async () => {
  const clock = new SimulatedClock();
  const deadlines = new Deadlines(clock, 25, 100);
  const missed: string[] = [];
  const first = deadlines.add(() => missed.push(`first ${clock.monotonic()}`))!;
  await clock.advance(10);
  deadlines.add(() => missed.push(`second ${clock.monotonic()}`));
  assert.equal(clock.pendingTimers, 1);
  first.done = true;
  await clock.advance(100);
  assert.deepEqual(missed, ['second 36'], 'a ms later, so that an answer that has arrived is read first');
  assert.equal(clock.pendingTimers, 0);
});

test('what is done takes no room, and what waits takes no more than the capacity', () => {
  const deadlines = new Deadlines(new SimulatedClock(), 1000, 10);
  for (let i = 0; i < 1000; i++) deadlines.add(() => {})!.done = true;
  for (let i = 0; i < 10; i++) assert.ok(deadlines.add(() => {}));
  assert.equal(
    deadlines.add(() => {}),
    undefined,
  );
});
