import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Histogram, Metrics, TIMING_BITS } from '../kernel/index.ts';
import { FleetTotals } from './fleet.ts';

function worker(name: string) {
  const metrics = new Metrics(1000, name);
  return {
    metrics,
    requests: metrics.counter({ name: 'requests', help: 'h', labels: ['class'] }),
    duration: metrics.timing({ name: 'duration', help: 'h', unit: 'seconds', labels: ['class'] }),
    level: metrics.gauge({ name: 'level', help: 'h', across: 'max' }),
    heap: metrics.gauge({ name: 'heap', help: 'h', across: 'each' }),
  };
}

const totalOf = (fleet: FleetTotals, name: string): number =>
  [...(fleet.family(name)?.series.values() ?? [])].reduce((sum, series) => sum + (series.timing?.count ?? series.value), 0);

test('totals are exactly what all workers counted, whoever answers, restarts or joins', () => {
  const step = fc.record({
    worker: fc.nat(2),
    what: fc.constantFrom('count', 'count', 'count', 'restart', 'silent'),
    className: fc.constantFrom('a', 'b'),
    ms: fc.double({ min: 0, max: 20_000, noNaN: true }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const workers = [worker('0'), worker('1'), worker('2')];
      const fleet = new FleetTotals();
      const all = new Histogram(TIMING_BITS);
      let expected = 0;
      let lastTotal = 0;
      for (const { worker: at, what, className, ms } of steps) {
        if (what === 'count') {
          workers[at]!.requests.series({ class: className }).inc(2);
          workers[at]!.duration.series({ class: className }).observe(ms);
          all.record(ms * 1000);
          expected += 2;
        }
        const silent = what === 'silent' ? at : -1;
        fleet.collect(workers.filter((_, index) => index !== silent).map(({ metrics }) => structuredClone(metrics.snapshot())));
        assert.ok(totalOf(fleet, 'requests') >= lastTotal, 'a total fell');
        lastTotal = totalOf(fleet, 'requests');
        if (what === 'restart') {
          fleet.collect(workers.map(({ metrics }) => metrics.snapshot()));
          workers[at] = worker(String(at));
        }
      }
      fleet.collect(workers.map(({ metrics }) => metrics.snapshot()));
      assert.equal(totalOf(fleet, 'requests'), expected);
      assert.equal(totalOf(fleet, 'duration_seconds'), all.count);
      const cells = new Float64Array((33 - TIMING_BITS) * 2 ** TIMING_BITS);
      for (const { timing } of fleet.family('duration_seconds')?.series.values() ?? [])
        timing!.cells.forEach((count, cell) => (cells[cell]! += count));
      assert.deepEqual(
        [...cells].flatMap((count, cell) => (count > 0 ? [[cell, count]] : [])),
        all.toJSON().counts,
      );
    }),
  );
});

test('an interval holds what was added since the one before', () => {
  const one = worker('1');
  const fleet = new FleetTotals();
  const series = one.requests.series({ class: 'a' });
  const added = (): number => fleet.family('requests')!.series.get('a')!.added;
  series.inc(5);
  fleet.collect([one.metrics.snapshot()]);
  series.inc(2);
  fleet.collect([one.metrics.snapshot()]);
  assert.equal(added(), 7);
  fleet.endInterval();
  series.inc(1);
  fleet.collect([one.metrics.snapshot()]);
  assert.equal(added(), 1);
});

test('an interval that nobody ends stays small', () => {
  const one = worker('1');
  const fleet = new FleetTotals();
  const series = one.duration.series({ class: 'a' });
  for (let round = 0; round < 3000; round++) {
    series.observe(round % 300);
    series.observe(7);
    fleet.collect([one.metrics.snapshot()]);
  }
  const { timing } = fleet.family('duration_seconds')!.series.get('a')!;
  assert.ok(timing!.addedCells.length < 5000, String(timing!.addedCells.length));
  assert.equal(timing!.addedCount, 6000);
  assert.equal(
    timing!.addedCells.reduce((sum, count, at) => (at % 2 === 1 ? sum + count : sum), 0),
    6000,
  );
});

test('gauges are those of the workers that answered: summed, the worst, or apart', () => {
  const [a, b] = [worker('a'), worker('b')];
  const fleet = new FleetTotals();
  a.level.series().set(3);
  b.level.series().set(1);
  a.heap.series().set(10);
  b.heap.series().set(20);
  fleet.collect([a.metrics.snapshot(), b.metrics.snapshot()]);
  assert.equal(fleet.family('level')!.series.get('')!.value, 3);
  assert.deepEqual(
    [...fleet.family('heap')!.series.values()].map(({ labels, value }) => [labels['worker'], value]),
    [
      ['a', 10],
      ['b', 20],
    ],
  );
  fleet.collect([b.metrics.snapshot()]);
  assert.equal(fleet.family('level')!.series.get('')!.value, 1);
  assert.deepEqual([...fleet.family('heap')!.series.keys()], ['b']);
  fleet.collect([a.metrics.snapshot(), b.metrics.snapshot()]);
  assert.deepEqual([...fleet.family('heap')!.series.keys()].toSorted(), ['a', 'b']);
});

test('a counter without an identity that falls has started anew', () => {
  const fleet = new FleetTotals();
  const snapshot = (value: number) => [
    { families: [{ name: 'c', help: 'h', kind: 'counter' as const, series: [{ labels: {}, value }] }] },
  ];
  for (const value of [5, 9, 2, 3]) fleet.collect(snapshot(value));
  assert.equal(totalOf(fleet, 'c'), 12);
});
