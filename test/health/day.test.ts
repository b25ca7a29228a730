/** A day of a busy service on the simulated clock: what health holds in memory after it is what it held after some hours. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createHealth } from '../../src/health/index.ts';
import { Metrics, SimulatedClock } from '../../src/kernel/index.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const CLASSES = ['critical', 'high', 'normal', 'low', 'static', 'api'];
const MB = 2 ** 20;

/** What a worker counts: six classes, twenty routes with two methods each, two endpoints. */
function worker(name: string) {
  const metrics = new Metrics(1000, name);
  const counter = (metric: string, labels: string[]) => metrics.counter({ name: metric, help: 'h', labels });
  const timing = (metric: string, labels: string[]) => metrics.timing({ name: metric, unit: 'seconds', help: 'h', labels });
  const requests = counter('spillway_http_requests', ['class', 'status']);
  const durations = timing('spillway_http_request_duration_seconds', ['class']);
  const routes = timing('spillway_http_route_duration_seconds', ['route', 'method']);
  const up = metrics.gauge({ name: 'spillway_balance_up', help: 'h', labels: ['upstream', 'endpoint'] });
  metrics.gauge({ name: 'process_start_time_seconds', help: 'h', across: 'each' }).series().set(1);
  return {
    metrics,
    serve: (step: number, failing: boolean): void => {
      for (const [at, name] of CLASSES.entries()) {
        requests.series({ class: name, status: failing && at === 0 ? '5xx' : '2xx' }).inc(20 + (step % 7));
        durations.series({ class: name }).observe(0.5 * 1.07 ** ((step * 13 + at * 31) % 130));
        const route = `/route/${(step + at) % 20}`;
        routes.series({ route, method: step % 2 === 0 ? 'GET' : 'POST' }).observe(1 + ((step * 7) % 400));
      }
      for (const endpoint of ['a', 'b'])
        up.series({ upstream: 'site', endpoint: `http://${endpoint}` }).set(failing && endpoint === 'a' ? 0 : 1);
    },
  };
}

/** Each hour one worker is replaced, and for some minutes an endpoint is down and one class fails. */
test('24 hours keep memory flat', async (t) => {
  const clock = new SimulatedClock();
  const workers = [worker('worker 0'), worker('worker 1')];
  const health = createHealth(
    { every: '10s', sources: async () => workers.map(({ metrics }) => metrics.snapshot()), post: async () => undefined },
    { clock },
  );
  await health.start();
  const heldAfterHour: number[] = [];
  for (let hour = 0; hour < 24; hour++) {
    for (let step = 0; step < 360; step++) {
      const failing = step % 60 < 20 && step > 60;
      for (const one of workers) one.serve(hour * 360 + step, failing);
      await clock.advance(10_000);
    }
    health.take(workers[hour % 2]!.metrics.snapshot());
    workers[hour % 2] = worker(`worker ${hour % 2}`);
    await clock.advance(10_000);
    // Twice: what the first collection finalises, the second one frees.
    collectGarbage();
    await new Promise((resolve) => setImmediate(resolve));
    collectGarbage();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    heldAfterHour.push(heapUsed + arrayBuffers);
  }
  // The least of several hours, since a collection may come amid what is to be garbage a moment later.
  const early = Math.min(...heldAfterHour.slice(4, 9));
  const late = Math.min(...heldAfterHour.slice(-5));
  t.diagnostic(`held in the morning ${(early / MB).toFixed(1)} MB, in the evening ${(late / MB).toFixed(1)} MB`);
  assert.ok(late - early < MB, heldAfterHour.map((bytes) => (bytes / MB).toFixed(2)).join(' '));
  assert.equal(health.timeline.changes.length, 500);
  assert.equal(health.history.refused, 0);
  await health.stop();
});
