import assert from 'node:assert/strict';
import { test } from 'node:test';
import { renderJUnit } from './junit.ts';
import type { LoadReport } from './report.ts';

const report = {
  target: 'http://127.0.0.1:1/?a&b',
  startedAt: '2026-11-20T18:00:00.000Z',
  elapsedMs: 1500,
  verdict: { result: 'thresholds', exitCode: 99, reasons: [] },
  thresholds: [
    { subject: 'latency', expression: 'p(99)<200', value: 250.123456789, passed: false },
    { subject: 'errors', expression: 'rate<0.1', value: 0, passed: true },
    { subject: 'latency{name:x}', expression: 'max<1', value: undefined, passed: false },
  ],
  checks: [{ scenario: 'a', name: 'says "hello"\u0000', passed: 3, failed: 1 }],
  comparisons: [{ subject: 'p50', before: 10, after: 13.14159, change: 0.3, pValue: 0, regression: true }],
} as unknown as LoadReport;

test('one case for validity, each threshold, check and comparison; failures say their value', () => {
  const xml = renderJUnit(report);
  assert.match(
    xml,
    /<testsuite name="spillway load http:\/\/127\.0\.0\.1:1\/\?a&amp;b" tests="6" failures="4" errors="0" time="1.500"/,
  );
  assert.match(xml, /name="the run is valid" time="0"\/>/);
  assert.match(xml, /name="latency p\(99\)&lt;200" time="0">\n\s+<failure message="the value is 250\.123"\/>/);
  assert.match(xml, /name="errors rate&lt;0\.1" time="0"\/>/);
  assert.match(xml, /<failure message="nothing was measured"\/>/);
  assert.match(xml, /name="a: says &quot;hello&quot;�" time="0">\n\s+<failure message="failed 1 of 4 times"\/>/);
  assert.match(xml, /name="p50 is no worse than the baseline" time="0">\n\s+<failure message="13\.14, and was 10"\/>/);
});

test('an invalid run fails its own case with the reasons', () => {
  const invalid = { ...report, verdict: { result: 'invalid', exitCode: 97, reasons: ['was late', 'was busy'] } } as LoadReport;
  assert.match(renderJUnit(invalid), /name="the run is valid" time="0">\n\s+<failure message="was late; was busy"\/>/);
});
