import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimulatedClock } from '../kernel/index.ts';
import { Deadlines } from './deadlines.ts';

const never = (): Promise<never> => new Promise(() => {});
const deadlines = (clock: SimulatedClock, limitMs: number): Deadlines =>
  new Deadlines(clock, limitMs, () => new Error('too late'));

/** How a wait ends, once it does. */
function watch(work: Promise<unknown>): { end: string | undefined } {
  const seen: { end: string | undefined } = { end: undefined };
  work.then(
    (value) => (seen.end = String(value)),
    (error: Error) => (seen.end = error.message),
  );
  return seen;
}

test('a wait ends at its limit, not much sooner and not later', async () => {
  const clock = new SimulatedClock();
  const bounds = deadlines(clock, 80);
  watch(bounds.bound(never()));
  await clock.advance(35);
  const wait = watch(bounds.bound(never()));
  await clock.advance(69);
  assert.equal(wait.end, undefined);
  await clock.advance(11);
  assert.equal(wait.end, 'too late');
});

test('what settles in time is passed on, errors too', async () => {
  const clock = new SimulatedClock();
  const bounds = deadlines(clock, 80);
  const answered = watch(bounds.bound(clock.sleep(60).then(() => 'answer')));
  const failed = watch(bounds.bound(clock.sleep(60).then(() => Promise.reject(new Error('refused')))));
  await clock.advance(100);
  assert.deepEqual([answered.end, failed.end], ['answer', 'refused']);
});

test('a turn that comes late counts once: a process that stood still gives the answer its time', async () => {
  let turn = (): void => {};
  const clock = new SimulatedClock();
  clock.setRepeating = (fn) => ((turn = fn), { cancel: () => {} });
  const bounds = deadlines(clock, 80);
  const wait = watch(bounds.bound(never()));
  for (let turns = 1; turns <= 7; turns++) {
    clock.advance(1000); // as if nothing else had run for a second
    turn();
    await clock.advance(0);
    assert.equal(wait.end, undefined, `after ${turns} turns`);
  }
  turn();
  await clock.advance(0);
  assert.equal(wait.end, 'too late');
});

test('what came in while the process stood still is read before the wait is given up', async () => {
  let turn = (): void => {};
  const clock = new SimulatedClock();
  clock.setRepeating = (fn) => ((turn = fn), { cancel: () => {} });
  const bounds = deadlines(clock, 2);
  const answer = Promise.withResolvers<string>();
  const wait = watch(bounds.bound(answer.promise));
  turn();
  await clock.advance(0);
  turn();
  answer.resolve('in the socket');
  await clock.advance(0);
  assert.equal(wait.end, 'in the socket');
});

test('no timer runs while nobody waits', async () => {
  const clock = new SimulatedClock();
  const bounds = deadlines(clock, 80);
  for (let round = 0; round < 3; round++) {
    await bounds.bound(Promise.resolve());
    assert.equal(clock.pendingTimers, 1);
    await clock.advance(100);
    assert.equal(clock.pendingTimers, 0);
  }
});
