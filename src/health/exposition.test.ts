import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Metrics, SimulatedClock, type Clock, type MetricsSnapshot } from '../kernel/index.ts';
import { exposedName } from './exposed-name.ts';
import { formatFor, metricsText, type MetricsFormat } from './exposition.ts';
import { FleetTotals } from './fleet.ts';

async function textOf(metrics: Metrics, format: MetricsFormat): Promise<string> {
  const fleet = new FleetTotals();
  fleet.collect([metrics.snapshot()]);
  let text = '';
  for await (const piece of metricsText(fleet.families, format, new SimulatedClock())) text += piece;
  return text;
}

function everyKind(): Metrics {
  const metrics = new Metrics(1000, 'w');
  metrics
    .counter({ name: 'spillway_http_requests', help: 'Requests.', labels: ['class'] })
    .series({ class: 'a "b"\\\n' })
    .inc(2);
  metrics.gauge({ name: 'spillway_queue_age', unit: 'seconds', help: 'Age.', across: 'each' }).series().set(1.5);
  const timing = metrics.timing({ name: 'spillway_wait_seconds', unit: 'seconds', help: 'Wait.' }).series();
  for (const ms of [1, 5, 6, 20_000]) timing.observe(ms);
  metrics.counter({ name: 'spillway_never', help: 'No series.' });
  return metrics;
}

test('Prometheus text: types, escapes, cumulative buckets, sums in seconds', async () => {
  const lines = (await textOf(everyKind(), 'prometheus')).split('\n');
  assert.deepEqual(lines.slice(0, 6), [
    '# TYPE spillway_http_requests_total counter',
    '# HELP spillway_http_requests_total Requests.',
    String.raw`spillway_http_requests_total{class="a \"b\"\\\n"} 2`,
    '# TYPE spillway_queue_age_seconds gauge',
    '# HELP spillway_queue_age_seconds Age.',
    'spillway_queue_age_seconds{worker="w"} 1.5',
  ]);
  assert.ok(lines.includes('spillway_wait_seconds_bucket{le="0.005"} 2'));
  assert.ok(lines.includes('spillway_wait_seconds_bucket{le="0.01"} 3'));
  assert.ok(lines.includes('spillway_wait_seconds_bucket{le="10.0"} 3'));
  assert.ok(lines.includes('spillway_wait_seconds_bucket{le="+Inf"} 4'));
  assert.ok(lines.includes('spillway_wait_seconds_sum 20.012'));
  assert.ok(!lines.some((line) => line.includes('spillway_never')));
});

test('OpenMetrics text: units, no _total in a type line, and an end', async () => {
  const lines = (await textOf(everyKind(), 'openmetrics')).split('\n');
  assert.equal(lines[0], '# TYPE spillway_http_requests counter');
  assert.ok(lines.includes('# UNIT spillway_wait_seconds seconds'));
  assert.equal(lines.at(-2), '# EOF');
});

test('a unit stands once in a name', () => {
  assert.equal(exposedName({ name: 'spillway_wait', unit: 'seconds' }), 'spillway_wait_seconds');
  assert.equal(exposedName({ name: 'spillway_wait_seconds', unit: 'seconds' }), 'spillway_wait_seconds');
});

/** However the series are spread over families, other work gets its turn in between. */
for (const [families, series] of [
  [1, 2000],
  [500, 4],
] as const) {
  test(`a scrape of ${families} families of ${series} series is made in turns of the event loop`, async () => {
    const metrics = new Metrics(2000);
    for (let family = 0; family < families; family++) {
      const timing = metrics.timing({ name: `wait_${family}`, help: 'h', labels: ['at'] });
      for (let at = 0; at < series; at++) timing.series({ at: String(at) }).observe(at);
    }
    let turns = 0;
    let watching = true;
    const watch = (): void => {
      turns++;
      if (watching) setImmediate(watch);
    };
    const turnsOf = async (work: () => Promise<unknown>): Promise<number> => {
      const before = turns;
      await work();
      return turns - before;
    };
    setImmediate(watch);
    const fleet = new FleetTotals();
    let snapshot: MetricsSnapshot | undefined;
    assert.ok((await turnsOf(async () => (snapshot = await metrics.snapshotInSlices()))) >= 30);
    assert.ok((await turnsOf(() => fleet.collectInSlices([snapshot!]))) >= 30);
    // Every look at the clock finds a millisecond gone: a slice ends after two of them.
    let nowMs = 0;
    const clock = { ...new SimulatedClock(), monotonic: () => nowMs++ } as unknown as Clock;
    const written = await turnsOf(async () => {
      for await (const _ of metricsText(fleet.families, 'prometheus', clock));
    });
    assert.ok(written >= 25, `${written} turns`);
    watching = false;
  });
}

test('the format follows Accept', () => {
  const prometheus = 'application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2,*/*;q=0.1';
  assert.equal(formatFor(prometheus), 'openmetrics');
  assert.equal(formatFor('text/plain'), 'prometheus');
  assert.equal(formatFor('text/plain;q=0.9,application/openmetrics-text;q=0.5'), 'prometheus');
  assert.equal(formatFor(undefined), 'prometheus');
});
