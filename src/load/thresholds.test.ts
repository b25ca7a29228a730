import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Measurement } from './measurement.ts';
import { evaluateThresholds, parseThresholds } from './thresholds.ts';
import { Timeline } from './timeline.ts';

function measured(): Measurement {
  const measurement = new Measurement(new Timeline(10_000));
  const critical = measurement.seriesFor({ scenario: 'browse', class: 'critical', name: 'plan' });
  const low = measurement.seriesFor({ scenario: 'browse', class: 'low', name: '' });
  for (let i = 1; i <= 100; i++) {
    measurement.began(0);
    measurement.sent(critical, 0.5, 0);
    measurement.answered(critical, 200, undefined, 10, i, i / 2, i);
  }
  for (let i = 0; i < 50; i++) {
    measurement.began(0);
    measurement.sent(low, 0.5, 0);
    if (i % 5 === 0) measurement.failed(low, 'timeout', 1000, 1000);
    else measurement.answered(low, i % 5 === 1 ? 503 : 200, i % 5 === 1 ? 'status 503' : undefined, 10, 500, 500, 500);
  }
  measurement.check('browse', 'found', true);
  measurement.check('browse', 'found', false);
  measurement.check('browse', 'quick', true);
  return measurement;
}

function value(subject: string, expression: string): number | undefined {
  return evaluateThresholds(parseThresholds({ [subject]: [expression] }), measured(), 10_000)[0]!.value;
}

test('every metric and aggregation, with tags', () => {
  assert.ok(Math.abs(value('latency{class:critical}', 'p(95)<1')! - 95) < 0.1);
  assert.equal(value('latency{class:critical}', 'max<1'), 100);
  assert.equal(value('latency{class:critical}', 'min<1'), 1);
  assert.ok(Math.abs(value('latency{class:critical}', 'avg<1')! - 50.5) < 1e-9);
  assert.ok(Math.abs(value('service{name:plan}', 'med<1')! - 25) < 0.1);
  assert.equal(value('latency', 'max<1'), 1000);
  assert.equal(value('lag', 'max<1'), 0.5);
  assert.equal(value('errors', 'count<1'), 20);
  assert.ok(Math.abs(value('errors', 'rate<1')! - 20 / 150) < 1e-9);
  assert.equal(value('errors{class:critical}', 'rate<1'), 0);
  assert.equal(value('errors{class:low, scenario:browse}', 'rate<1'), 0.4);
  assert.equal(value('requests', 'rate>1'), 14);
  assert.equal(value('requests{class:critical}', 'count>1'), 100);
  assert.ok(Math.abs(value('checks', 'rate>0')! - 2 / 3) < 1e-9);
  assert.equal(value('checks{check:found}', 'rate>0'), 0.5);
});

test('what was not measured has no value and does not pass', () => {
  const outcome = evaluateThresholds(parseThresholds({ 'latency{scenario:none}': ['p(99)<200'] }), measured(), 10_000)[0]!;
  assert.deepEqual([outcome.value, outcome.passed], [undefined, false]);
});

test('operators', () => {
  const passed = (expression: string): boolean =>
    evaluateThresholds(parseThresholds({ 'requests{class:critical}': [expression] }), measured(), 10_000)[0]!.passed;
  assert.deepEqual(
    ['count<100', 'count<=100', 'count>100', 'count>=100', 'count==100', 'count===100', 'count!=100'].map(passed),
    [false, true, false, true, true, true, false],
  );
});

test('what cannot be read is refused, all at once, with what can', () => {
  assert.throws(
    () => parseThresholds({ latencies: ['p(99)<2'], latency: ['p99<2', 'rate<2', 'p(101)<2'], 'errors{colour:red}': ['rate<1'] }),
    (error: Error) => {
      assert.match(error.message, /5 problems/);
      assert.match(error.message, /"latencies" is not one of latency, service/);
      assert.match(error.message, /"p99<2" is not an expression such as 'p\(99\)<200'/);
      assert.match(error.message, /latency has no 'rate'; it has avg, min, med, max, p\(N\)/);
      assert.match(error.message, /a percentile is at most 100/);
      assert.match(error.message, /tags are scenario, class, name, check/);
      return true;
    },
  );
});
