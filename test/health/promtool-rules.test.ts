/** The rules we emit and the evaluator in the process decide alike, minute by minute, on random traces. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { alertsSection, sloSection } from '../../src/policy/index.ts';
import { Metrics, randomInt, seededRandom, TIMING_BUCKETS_MS, type Random } from '../../src/kernel/index.ts';
import { AlertBook } from '../../src/health/alert-book.ts';
import { alertRules } from '../../src/health/alert-rules.ts';
import { burnFindings } from '../../src/health/find-alerts.ts';
import { FleetTotals } from '../../src/health/fleet.ts';
import { objectivesOf } from '../../src/health/objectives.ts';
import { BURN_ALERT, prometheusRules } from '../../src/health/prometheus-rules.ts';
import { SloBook } from '../../src/health/slo-book.ts';
import { programPath } from '../servers/index.ts';

const MINUTES = 150;
const TRACES = 50;
const slo = sloSection.parse({
  objectives: {
    availability: { availability: 0.999 },
    'shop-fast': { class: 'shop', latency: { below: '500ms', share: 0.95 } },
  },
});
const objectives = objectivesOf(slo, new Map());
const rules = prometheusRules(objectives, alertRules(alertsSection.parse({})), slo.window);

/** Requests of one minute: how many, how many of them fail, how many are slow. */
type Minute = readonly [total: number, failed: number, slow: number];

function traceOf(seed: number): Minute[] {
  const random = seededRandom(seed);
  const perMinute = 10 ** (1.7 + 1.8 * random.next());
  const episodes = Array.from({ length: 1 + randomInt(random, 4) }, () => ({
    start: 15 + randomInt(random, MINUTES - 60),
    length: 1 + randomInt(random, random.next() < 0.5 ? 15 : 150),
    failed: 10 ** (-3.3 + 3 * random.next()),
    slow: random.next() < 0.5 ? random.next() : 0,
  }));
  return Array.from({ length: MINUTES }, (_, minute) => {
    if (minute === 0) return [0, 0, 0];
    const total = Math.round(perMinute * (0.7 + 0.6 * random.next()));
    const active = episodes.filter(({ start, length }) => minute >= start && minute < start + length);
    const worst = (what: 'failed' | 'slow'): number => Math.max(0, ...active.map((episode) => episode[what]));
    return [total, drawn(random, total, worst('failed')), drawn(random, total, worst('slow'))];
  });
}

function drawn(random: Random, total: number, share: number): number {
  return Math.min(total, Math.floor(total * share + random.next()));
}

/** Which severities of which objective fire at each minute, by the process's own evaluator. */
function decide(trace: readonly Minute[]): string[][] {
  const metrics = new Metrics();
  const requests = metrics.counter({ name: 'spillway_http_requests', help: 'h', labels: ['class', 'status'] });
  const durations = metrics.timing({ name: 'spillway_http_request_duration', unit: 'seconds', help: 'h', labels: ['class'] });
  const [fleet, book, alerts] = [new FleetTotals(), new SloBook(objectives, slo.window), new AlertBook()];
  return trace.map(([total, failed, slow], minute) => {
    requests.series({ class: 'shop', status: '2xx' }).inc(total - failed);
    requests.series({ class: 'shop', status: '5xx' }).inc(failed);
    for (let at = 0; at < total; at++) durations.series({ class: 'shop' }).observe(at < slow ? 900 : 20);
    fleet.collect([metrics.snapshot()]);
    book.take(fleet, minute * 60_000);
    fleet.endInterval();
    alerts.evaluate(burnFindings(book.findings), minute * 60_000);
    return alerts.alerts.filter(({ state }) => state === 'firing').map(({ key }) => key);
  });
}

function promtool(t: TestContext, traces: readonly (readonly Minute[])[], expected: readonly string[][][]) {
  const folder = mkdtempSync(join(tmpdir(), 'spillway-rules-'));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'rules.yml'), rules);
  const tests = traces.map((trace, at) => ({
    interval: '1m',
    input_series: inputOf(trace),
    alert_rule_test: expected[at]!.map((keys, minute) => ({
      eval_time: `${minute}m`,
      alertname: BURN_ALERT,
      exp_alerts: keys.map(expectedAlert),
    })),
  }));
  writeFileSync(join(folder, 'test.yml'), JSON.stringify({ rule_files: ['rules.yml'], evaluation_interval: '1m', tests }));
  return spawnSync(programPath('promtool'), ['test', 'rules', 'test.yml'], { cwd: folder, encoding: 'utf8', maxBuffer: 2 ** 26 });
}

function inputOf(trace: readonly Minute[]) {
  const running = (add: (minute: Minute) => number): string => {
    let sum = 0;
    return trace.map((minute) => (sum += add(minute))).join(' ');
  };
  const le = (ms: number): string => (Number.isInteger(ms / 1000) ? `${ms / 1000}.0` : String(ms / 1000));
  const bucket = (ms: number) => ({
    series: `spillway_http_request_duration_seconds_bucket{class="shop",le="${le(ms)}"}`,
    values: running(([total, , slow]) => total - (ms < 900 ? slow : 0)),
  });
  return [
    { series: 'spillway_http_requests_total{class="shop",status="2xx"}', values: running(([total, failed]) => total - failed) },
    { series: 'spillway_http_requests_total{class="shop",status="5xx"}', values: running(([, failed]) => failed) },
    { series: 'spillway_http_request_duration_seconds_count{class="shop"}', values: running(([total]) => total) },
    ...TIMING_BUCKETS_MS.filter((ms) => ms === 500 || ms === 1000).map(bucket),
  ];
}

function expectedAlert(key: string) {
  const [, name, severity] = key.split('/');
  const { text } = objectives.find((objective) => objective.name === name)!;
  return { exp_labels: { slo: name, severity }, exp_annotations: { summary: `The error budget burns too fast: ${text}.` } };
}

test('promtool check rules accepts what is emitted', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'spillway-rules-'));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'rules.yml'), rules);
  const { status, stdout, stderr } = spawnSync(programPath('promtool'), ['check', 'rules', join(folder, 'rules.yml')], {
    encoding: 'utf8',
  });
  assert.equal(status, 0, stdout + stderr);
});

test(`rules and evaluator fire in the same minutes of ${TRACES} random traces`, (t) => {
  const traces = Array.from({ length: TRACES }, (_, seed) => traceOf(seed));
  const expected = traces.map(decide);
  const firing = expected.flat().filter((keys) => keys.length > 0).length;
  assert.ok(firing > 1000, `only ${firing} minutes with an alert: the traces prove little`);
  const { status, stdout, stderr } = promtool(t, traces, expected);
  assert.equal(status, 0, (stdout + stderr).slice(0, 4000));
});

test('promtool notices when the evaluator is a minute late', (t) => {
  const trace = traceOf(1);
  const late = decide(trace).map((_, minute, all) => all[Math.max(0, minute - 1)]!);
  assert.notEqual(promtool(t, [trace], [late]).status, 0);
});
