import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Histogram } from './histogram.ts';
import { seededRandom } from './random.ts';

/** 100 seeded distributions over very different ranges: even, exponential, log-uniform, two humps, constant with spikes. */
function distribution(seed: number): number[] {
  const random = seededRandom(seed);
  const scale = 10 ** (1 + random.next() * 6);
  const draw = [
    () => random.next() * scale,
    () => -Math.log(1 - random.next()) * scale,
    () => scale ** random.next(),
    () => (random.next() < 0.9 ? 0.01 : 1) * scale * (1 + random.next()),
    () => (random.next() < 0.98 ? scale : scale * 100 * random.next()),
  ][seed % 5]!;
  return Array.from({ length: 200 + (seed % 7) * 300 }, () => Math.round(Math.min(4_294_967_295, draw())));
}

const QUANTILES = [0, 0.1, 0.5, 0.9, 0.95, 0.99, 0.999, 1];

function exactQuantile(sorted: readonly number[], q: number): number {
  return sorted[Math.max(1, Math.ceil(q * sorted.length)) - 1]!;
}

test('100 random distributions: every quantile within 1 part in 1,024, and never below the truth', () => {
  for (let seed = 0; seed < 100; seed++) {
    const values = distribution(seed);
    const histogram = new Histogram();
    for (const value of values) histogram.record(value);
    const sorted = values.toSorted((a, b) => a - b);
    for (const q of QUANTILES) {
      const [truth, answer] = [exactQuantile(sorted, q), histogram.quantile(q)];
      assert.ok(answer >= truth && answer <= truth * (1 + 2 ** -10) + 1e-9, `seed ${seed}, q ${q}: ${answer} for ${truth}`);
    }
    assert.equal(histogram.count, values.length);
    assert.equal(histogram.max, sorted.at(-1));
    assert.equal(histogram.min, sorted[0]);
    assert.ok(Math.abs(histogram.mean - values.reduce((a, b) => a + b) / values.length) < 1e-6 * (1 + histogram.mean));
  }
});

test('merging is as if one had counted everything, in any order and through JSON', () => {
  fc.assert(
    fc.property(fc.array(fc.array(fc.nat(5_000_000)), { maxLength: 5 }), (parts) => {
      const all = new Histogram();
      for (const value of parts.flat()) all.record(value);
      const merged = new Histogram();
      for (const part of parts.toReversed()) {
        const one = new Histogram();
        for (const value of part) one.record(value);
        merged.merge(Histogram.fromJSON(JSON.parse(JSON.stringify(one.toJSON())) as ReturnType<Histogram['toJSON']>));
      }
      assert.deepEqual(merged.toJSON(), all.toJSON());
    }),
  );
  assert.throws(() => new Histogram(5).merge(new Histogram(6)), /cannot merge/);
});

test('values beyond the range are clamped, and counting many at once is counting each', () => {
  const histogram = new Histogram();
  for (const value of [-5, Number.NaN, 1e12, Infinity]) histogram.record(value);
  assert.equal(histogram.min, 0);
  assert.equal(histogram.max, 4_294_967_295);
  const times = new Histogram(5);
  times.record(70, 3);
  assert.equal(times.count, 3);
  assert.equal(times.sum, 210);
  times.reset();
  assert.deepEqual([times.count, times.max, times.min, times.quantile(0.5)], [0, 0, 0, 0]);
});

test('the precision asked for is the precision kept', () => {
  for (const bits of [4, 5, 7, 10, 12]) {
    const histogram = new Histogram(bits);
    for (let value = 1; value < 2 ** 32; value = Math.ceil(value * 1.37)) {
      histogram.reset();
      histogram.record(value);
      histogram.record(2 ** 32 - 1);
      assert.ok(histogram.quantile(0.5) - value <= value / 2 ** bits, `${bits} bits, ${value}`);
    }
  }
});
