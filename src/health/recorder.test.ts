import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Metrics, SimulatedClock } from '../kernel/index.ts';
import { createRecorder } from './recorder.ts';

function recorder(options = {}) {
  const clock = new SimulatedClock();
  const metrics = new Metrics();
  const valueOf = (name: string, labels: Record<string, string> = {}): number => {
    const series = metrics.snapshot().families.find((family) => family.name === name)?.series ?? [];
    const found = series.find((one) => Object.entries(labels).every(([label, value]) => one.labels[label] === value));
    return found?.timing?.count ?? found?.value ?? 0;
  };
  return { clock, metrics, valueOf, recorder: createRecorder(options, { clock, metrics }) };
}

test('requests are counted by how they ended, and timed by the clock unless told', async () => {
  const { clock, metrics, valueOf, recorder: record } = recorder();
  const first = record.recordRequestStart('/leads');
  const second = record.recordRequestStart('/leads');
  assert.equal(valueOf('spillway_app_in_flight'), 2);
  await clock.advance(250);
  record.recordRequestComplete(first);
  record.recordRequestComplete(first);
  record.recordRequestComplete(second, 40, false);
  record.recordRequestComplete(999);
  assert.equal(valueOf('spillway_app_requests', { route: '/leads', outcome: 'ok' }), 1);
  assert.equal(valueOf('spillway_app_requests', { route: '/leads', outcome: 'failed' }), 1);
  assert.equal(valueOf('spillway_app_in_flight'), 0);
  const timing = metrics.timing({ name: 'spillway_app_request_duration_seconds', help: '' }).series({ route: '/leads' });
  assert.equal(timing.count, 2);
  assert.ok(Math.abs(timing.quantile(1) - 250) < 10);
});

test('requests that are never completed do not pile up', () => {
  const { valueOf, recorder: record } = recorder({ maxOpen: 3 });
  for (let at = 0; at < 5; at++) record.recordRequestStart('/');
  assert.equal(valueOf('spillway_app_in_flight'), 3);
  assert.equal(valueOf('spillway_app_abandoned'), 2);
});

test('work is timed also when it fails', async () => {
  const { clock, valueOf, recorder: record } = recorder();
  const failing = record.time('import', async () => {
    await clock.sleep(100);
    throw new Error('no file');
  });
  const rejected = assert.rejects(failing, /no file/);
  await clock.advance(100);
  await rejected;
  assert.equal(valueOf('spillway_app_timer_seconds', { name: 'import' }), 1);
  record.count('imports', 3);
  assert.equal(valueOf('spillway_app_events', { name: 'imports' }), 3);
});

test('queries are told apart by their first word; slow ones are told as a whole', () => {
  const { valueOf, recorder: record } = recorder();
  const slow: string[] = [];
  record.events.on('slowQuery', ({ query }) => slow.push(query));
  record.trackQuery('SELECT * FROM leads WHERE id = 7', 12);
  record.trackQuery('select 1', 1500);
  record.trackQuery('', 1, false);
  assert.equal(valueOf('spillway_app_query_seconds', { operation: 'select' }), 2);
  assert.equal(valueOf('spillway_app_query_failures', { operation: 'other' }), 1);
  assert.deepEqual(slow, ['select 1']);
});
