import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Histogram, highestInCell, lowestInCell } from './histogram.ts';
import { Metrics, TIMING_BITS, TIMING_BUCKETS_MS } from './metrics.ts';

/** What a snapshot says of a timing that counted the same. */
function timingOf(histogram: Histogram) {
  const { count, sum, counts } = histogram.toJSON();
  return { count, sumUs: sum, cells: Float64Array.from(counts.flat()) };
}

test('a timing counts as its histogram and its buckets would one by one', () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.double({ min: 0, max: 20_000, noNaN: true }), fc.constantFrom(...TIMING_BUCKETS_MS))),
      (times) => {
        const timing = new Metrics().timing({ name: 't', help: 'h' }).series();
        const metrics = new Metrics();
        const series = metrics.timing({ name: 't', help: 'h' }).series();
        const histogram = new Histogram(TIMING_BITS);
        const buckets = Array.from({ length: TIMING_BUCKETS_MS.length + 1 }, () => 0);
        for (const ms of times) {
          series.observe(ms);
          timing.observe(ms);
          histogram.record(ms * 1000);
          const at = TIMING_BUCKETS_MS.findIndex((bound) => Math.round(ms * 1000) <= bound * 1000);
          buckets[at === -1 ? TIMING_BUCKETS_MS.length : at]! += 1;
        }
        const data = metrics.snapshot().families[0]!.series[0]!;
        assert.deepEqual(data.timing, { ...timingOf(histogram), buckets: Float64Array.from(buckets) });
        for (const q of [0, 0.5, 0.95, 1]) assert.equal(timing.quantile(q), histogram.quantile(q) / 1000);
      },
    ),
  );
});

test('a copy says the same whether or not there was one before, and is never changed later', () => {
  const ms = fc.double({ min: 0, max: 20_000, noNaN: true });
  fc.assert(
    fc.property(fc.array(fc.array(ms, { maxLength: 8 }), { maxLength: 12 }), (rounds) => {
      const metrics = new Metrics();
      const series = metrics.timing({ name: 't', help: 'h' }).series();
      const histogram = new Histogram(TIMING_BITS);
      const copies: [unknown, unknown][] = [];
      for (const round of rounds) {
        for (const one of round) {
          series.observe(one);
          histogram.record(one * 1000);
        }
        const { buckets: _, ...copy } = metrics.snapshot().families[0]!.series[0]!.timing!;
        copies.push([copy, timingOf(histogram)]);
      }
      for (const [copy, expected] of copies) assert.deepEqual(copy, expected);
    }),
  );
});

test('cells tile the whole range', () => {
  for (const bits of [5, 10]) {
    for (let cell = 0; cell + 1 < (33 - bits) * 2 ** bits; cell++)
      assert.equal(highestInCell(cell, bits) + 1, lowestInCell(cell + 1, bits), `cell ${cell} of ${bits} bits`);
  }
});

test("beyond its bound a family counts under 'other', and says so", () => {
  const metrics = new Metrics(2, '7');
  const family = metrics.counter({ name: 'c', help: 'h', labels: ['path'] });
  for (const path of ['/a', '/b', '/c', '/d']) family.series({ path }).inc();
  const snapshot = metrics.snapshot();
  const values = snapshot.families[0]!.series.map((series) => [series.labels['path'], series.value]);
  assert.deepEqual(values, [
    ['/a', 1],
    ['/b', 1],
    ['other', 2],
  ]);
  assert.equal(snapshot.families[1]!.series[0]!.value, 2);
  assert.equal(snapshot.worker, '7');
});

test('two registries have two instances, one registry keeps its own', () => {
  const [a, b] = [new Metrics(), new Metrics()];
  assert.equal(a.snapshot().instance, a.snapshot().instance);
  assert.notEqual(a.snapshot().instance, b.snapshot().instance);
});

test('a name is of one kind only', () => {
  const metrics = new Metrics();
  metrics.counter({ name: 'x', help: 'h' });
  assert.throws(() => metrics.gauge({ name: 'x', help: 'h' }), /is a counter already/);
});

test('gauges that are read rather than counted are set before each snapshot', () => {
  const metrics = new Metrics();
  const gauge = metrics.gauge({ name: 'g', help: 'h' }).series();
  metrics.onCollect(() => gauge.add(1));
  metrics.snapshot();
  assert.equal(metrics.snapshot().families[0]!.series[0]!.value, 2);
});
