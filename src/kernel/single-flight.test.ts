import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SingleFlight } from './single-flight.ts';

test('callers of one key share one run; after it, the next starts anew', async () => {
  const flights = new SingleFlight<string, number>();
  let runs = 0;
  const work = async (): Promise<number> => ++runs;
  assert.deepEqual(await Promise.all([flights.run('a', work), flights.run('a', work), flights.run('b', work)]), [1, 1, 2]);
  assert.equal(flights.size, 0);
  assert.equal(await flights.run('a', work), 3);
});

test('a failure reaches every caller and is not kept', async () => {
  const flights = new SingleFlight<string, number>();
  const failing = (): Promise<number> => {
    throw new Error('no');
  };
  const outcomes = await Promise.allSettled([flights.run('a', failing), flights.run('a', failing)]);
  assert.deepEqual(
    outcomes.map((outcome) => outcome.status),
    ['rejected', 'rejected'],
  );
  assert.equal(await flights.run('a', async () => 1), 1);
});

test('after forget, the next caller does not join the old run, and the old run’s end does not end the new one', async () => {
  const flights = new SingleFlight<string, string>();
  const old = Promise.withResolvers<string>();
  const fresh = Promise.withResolvers<string>();
  const first = flights.run('a', () => old.promise);
  flights.forget('a');
  const second = flights.run('a', () => fresh.promise);
  old.resolve('old');
  assert.equal(await first, 'old');
  assert.equal(flights.has('a'), true);
  fresh.resolve('fresh');
  assert.equal(await second, 'fresh');
});
