import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Metrics, SimulatedClock } from '../kernel/index.ts';
import { createHealth } from './health.ts';
import { terminalView, type TerminalPaint } from './terminal-view.ts';

const plain: TerminalPaint = { title: String, good: String, warning: String, bad: String, quiet: String };
const marked: TerminalPaint = { ...plain, bad: (text) => `\u001B[31m${text}\u001B[39m` };

async function viewOf(failing: number, columns: number, paint = plain): Promise<string> {
  const clock = new SimulatedClock();
  const metrics = new Metrics(1000, 'worker 0');
  const requests = metrics.counter({ name: 'spillway_http_requests', help: 'h', labels: ['class', 'status'] });
  const durations = metrics.timing({
    name: 'spillway_http_request_duration_seconds',
    unit: 'seconds',
    help: 'h',
    labels: ['class'],
  });
  const health = createHealth({ sources: async () => [metrics.snapshot()], service: { name: 'shop', version: '3' } }, { clock });
  await health.start();
  for (let second = 0; second < 20; second++) {
    requests.series({ class: 'high', status: '2xx' }).inc(100 * (1 - failing));
    requests.series({ class: 'high', status: '5xx' }).inc(100 * failing);
    durations.series({ class: 'high' }).observe(30);
    await clock.advance(1000);
  }
  const curves = health.history.slice(['http.rate'], clock.now() - 900_000, clock.now()).series;
  return terminalView({ overview: health.overview(), changes: health.timeline.changes, curves }, columns, paint);
}

test('it tells the same as the dashboard, in the same order', async () => {
  const text = await viewOf(0, 120);
  const inOrder = [
    'shop 3',
    '✓ HEALTHY',
    '99.9 % of requests succeed',
    'rate       100/s',
    'Gateway 100/s',
    'high',
    'worker 0',
    'shop 3 started',
  ];
  let at = -1;
  for (const part of inOrder) {
    const next = text.indexOf(part, at + 1);
    assert.ok(next > at, `'${part}' is missing or out of place in\n${text}`);
    at = next;
  }
});

test('trouble comes first, with its cause', async () => {
  const lines = (await viewOf(0.6, 120)).split('\n');
  assert.match(lines[1]!, /✕ CRITICAL {2}60 % of requests fail \(limit 50 %\)/);
  assert.ok(lines.slice(2, 6).some((line) => /page {2}99\.9 % of requests succeed: the error budget burns/.test(line)));
});

test('no line is wider than the terminal, colours not counted', async () => {
  for (const columns of [40, 80]) {
    // oxlint-disable-next-line no-control-regex
    const lines = (await viewOf(0.6, columns, marked)).replaceAll(/\u001B\[[\d;]*m/g, '').split('\n');
    assert.ok(lines.every((line) => line.length <= columns));
  }
});
