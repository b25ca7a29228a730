import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../kernel/index.ts';
import { compareWithBaseline, withBaseline } from './baseline.ts';
import type { LoadReport, TimelinePoint } from './report.ts';

/** As much of a report as a comparison looks at: 80 intervals whose median scatters by ± 20 % round `p50`. */
function run(
  seed: number,
  p50: number,
  { errorRate = 0, drift = 0, model = 'open' as LoadReport['model'], perSecond = 400 } = {},
): LoadReport {
  const random = seededRandom(seed);
  const points = Array.from({ length: 80 }, (_, at) => {
    const median = p50 * (0.8 + 0.4 * random.next()) * (1 + drift * Math.sin(at / 12));
    return { answered: (perSecond / 4) * (0.9 + 0.2 * random.next()), p50: median, p99: median * 4 } as TimelinePoint;
  });
  return {
    version: 1,
    model,
    completed: 8000,
    failed: errorRate * 8000,
    errorRate,
    ratePerSecond: perSecond,
    latency: { p50, p99: p50 * 4 },
    timeline: { intervalMs: 250, points },
    verdict: { result: 'ok', exitCode: 0, reasons: [] },
  } as unknown as LoadReport;
}

const regressions = (after: LoadReport, before: LoadReport): string[] =>
  compareWithBaseline(after, before)
    .filter(({ regression }) => regression)
    .map(({ subject }) => subject);

test('the same system is not called worse', () => {
  let alarms = 0;
  for (let seed = 0; seed < 200; seed++) alarms += regressions(run(seed, 10), run(seed + 1000, 10)).length;
  assert.equal(alarms, 0);
});

test('a system that got slower is, and one that got faster is not', () => {
  assert.deepEqual(regressions(run(1, 11.5), run(2, 10)), ['p50', 'p99']);
  assert.deepEqual(regressions(run(1, 8), run(2, 10)), []);
});

test('what is certain but small does not count, and neither does what is below the clock', () => {
  assert.deepEqual(regressions(run(1, 10.3), run(2, 10)), []);
  assert.deepEqual(regressions(run(1, 0.04), run(2, 0.02)), []);
});

test('slow waves make neighbours resemble each other and prove less', () => {
  const pValue = (drift: number): number => compareWithBaseline(run(5, 11, { drift }), run(6, 10, { drift }))[0]!.pValue;
  assert.ok(pValue(0) < 0.001);
  assert.ok(pValue(0.5) > pValue(0) * 10);
});

test('more failures and, in a closed model, fewer answers are worse', () => {
  assert.deepEqual(regressions(run(1, 10, { errorRate: 0.01 }), run(2, 10, { errorRate: 0.001 })), ['error rate']);
  assert.deepEqual(regressions(run(1, 10, { errorRate: 0.0012 }), run(2, 10, { errorRate: 0.001 })), []);
  assert.deepEqual(regressions(run(1, 10, { model: 'closed', perSecond: 350 }), run(2, 10, { model: 'closed' })), [
    'answers a second',
  ]);
});

test('a regression makes the exit code 98, but a broken threshold comes first', () => {
  const worse = withBaseline(run(1, 13), run(2, 10));
  assert.deepEqual([worse.verdict.result, worse.verdict.exitCode], ['regression', 98]);
  assert.match(worse.verdict.reasons[0]!, /p50 is worse than the baseline: 13, and was 10/);
  const broken = { ...run(1, 13), verdict: { result: 'thresholds', exitCode: 99, reasons: ['x'] } } as LoadReport;
  assert.equal(withBaseline(broken, run(2, 10)).verdict.exitCode, 99);
});
