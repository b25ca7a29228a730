import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { constant, poisson, ramp, sine, steps, type OpenArrival, type ReplayArrival } from './arrival.ts';
import { cursorOf, expectedArrivals, massAt, ratePerSecondAt, timeAt } from './schedule.ts';

function walk(arrival: OpenArrival | ReplayArrival, turn?: { worker: number; workers: number }): number[] {
  const dues: number[] = [];
  for (const cursor = cursorOf(arrival, turn); cursor.dueMs < Infinity; cursor.advance()) dues.push(cursor.dueMs);
  return dues;
}

test('a constant rate sends rate × duration arrivals at exact multiples', () => {
  const dues = walk(constant('200/s').for('30s'));
  assert.equal(dues.length, 6000);
  assert.equal(dues[0], 0);
  for (let k = 0; k < dues.length; k++) assert.ok(Math.abs(dues[k]! - k * 5) < 1e-9);
});

test('a ramp follows its integral', () => {
  const dues = walk(ramp('10/s', '110/s').for('10s'));
  assert.equal(dues.length, 600);
  // Λ(t) = 10 t + 5 t²: at 5 s, 175 arrivals.
  assert.ok(Math.abs(dues[175]! - 5000) < 1e-6);
  assert.equal(walk(ramp('110/s', '10/s').for('10s')).length, 600);
  assert.equal(walk(ramp('0/s', '100/s').for('2s')).length, 100);
});

test('steps carry fractions of an arrival from one step to the next', () => {
  const staircase = steps({ from: '0.5/s', add: '0.25/s', times: 4, each: '1s' });
  assert.equal(expectedArrivals(staircase), 4, '0.5 + 0.75 + 1 + 1.25 = 3.5, and one at 0');
  assert.equal(walk(staircase).length, 4);
  assert.equal(walk(steps({ from: '100/s', add: '50/s', times: 3, each: '2s' })).length, 900);
});

test('phases follow one another', () => {
  const dues = walk(constant('10/s').for('1s').followedBy(constant('20/s').for('1s')));
  assert.equal(dues.length, 30);
  assert.ok(Math.abs(dues[10]! - 1000) < 1e-6);
  assert.ok(Math.abs(dues[11]! - 1050) < 1e-6);
});

test('property: of every law, the arrivals up to any time are its integral there', () => {
  const rates = fc.integer({ min: 1, max: 400 });
  const law = fc.oneof(
    rates.map((r) => constant(`${r}/s`).for('7s')),
    fc.tuple(rates, rates).map(([a, b]) => ramp(`${a}/s`, `${b}/s`).for('7s')),
    fc
      .tuple(rates, fc.double({ min: 0, max: 1, noNaN: true }))
      .map(([mean, share]) => sine({ mean: `${mean}/s`, amplitude: `${(mean * share).toFixed(3)}/s`, period: '3s' }).for('7s')),
  );
  fc.assert(
    fc.property(law, fc.integer({ min: 0, max: 7000 }), (arrival, untilMs) => {
      const phase = arrival.phases[0]!;
      const dues = walk(arrival);
      const seen = dues.filter((due) => due < untilMs).length;
      assert.ok(Math.abs(seen - massAt(phase, untilMs)) <= 1 + 1e-6, `${seen} against ${massAt(phase, untilMs)}`);
      assert.equal(dues.length, expectedArrivals(arrival));
      for (let k = 1; k < dues.length; k++) assert.ok(dues[k]! > dues[k - 1]!, 'due times rise');
    }),
    { numRuns: 60 },
  );
});

test('property: Λ⁻¹ undoes Λ', () => {
  const phase = sine({ mean: '50/s', amplitude: '50/s', period: '2s' }).for('9s').phases[0]!;
  fc.assert(
    fc.property(fc.double({ min: 0, max: 9000, noNaN: true }), (tMs) => {
      const mass = massAt(phase, tMs);
      assert.ok(Math.abs(massAt(phase, timeAt(phase, mass)) - mass) < 1e-6);
    }),
  );
  assert.ok(Math.abs(ratePerSecondAt(phase, 500) - 100) < 1e-9);
});

test('Poisson arrivals keep the mean, have exponential gaps and follow from the seed', () => {
  const dues = walk(poisson('1000/s', { seed: 3 }).for('20s'));
  assert.ok(Math.abs(dues.length - 20_000) < 4 * Math.sqrt(20_000), `${dues.length}`);
  const gaps = dues.slice(1).map((due, k) => due - dues[k]!);
  const mean = gaps.reduce((a, b) => a + b) / gaps.length;
  const variance = gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length;
  assert.ok(Math.abs(Math.sqrt(variance) / mean - 1) < 0.05, 'the spread of exponential gaps equals their mean');
  assert.deepEqual(walk(poisson('50/s', { seed: 3 }).for('2s')), walk(poisson('50/s', { seed: 3 }).for('2s')));
  assert.notDeepEqual(walk(poisson('50/s', { seed: 3 }).for('2s')), walk(poisson('50/s', { seed: 4 }).for('2s')));
  const rising = walk(poisson(ramp('0/s', '1000/s').for('20s'), { seed: 5 }));
  const early = rising.filter((due) => due < 10_000).length;
  assert.ok(Math.abs(early / rising.length - 0.25) < 0.02, 'half way up a ramp from 0, a quarter has come');
});

test('property: workers share the schedule without a gap or an overlap', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 7 }), fc.boolean(), (workers, random) => {
      const even = constant('33/s').for('2s').followedBy(ramp('33/s', '99/s').for('2s'));
      const arrival = random ? poisson(even, { seed: workers }) : even;
      const shared = Array.from({ length: workers }, (_, worker) => walk(arrival, { worker, workers })).flat();
      assert.deepEqual(
        shared.toSorted((a, b) => a - b),
        walk(arrival),
      );
    }),
  );
});

test('a recording is walked as it was', () => {
  const recorded: ReplayArrival = { model: 'replay', offsetsMs: Float64Array.of(0, 3, 3, 10) };
  assert.deepEqual(walk(recorded), [0, 3, 3, 10]);
  assert.deepEqual(walk(recorded, { worker: 1, workers: 2 }), [3, 10]);
});

test('what is no rate or duration is refused with what is', () => {
  assert.throws(() => constant('fast'), /"fast" is not allowed; expected a rate such as '500\/s'/);
  assert.throws(() => constant('5/s').for('30 parsecs'), /expected a duration/);
  assert.throws(() => sine({ mean: '5/s', amplitude: '6/s', period: '1s' }), /a rate cannot fall below 0/);
  assert.throws(() => steps({ add: '5/s', times: 0, each: '1s' }), /a whole number ≥ 1/);
});
