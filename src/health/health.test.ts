import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ConfigError, Metrics, SimulatedClock, type MetricsSnapshot } from '../kernel/index.ts';
import { createHealth, type HealthSources } from './health.ts';
import type { HealthOptions } from './options.ts';

/** A worker under steady traffic, told what to count once a second. */
function countingWorker(name: string) {
  let metrics: Metrics;
  let count: (perSecond: number, failing?: number, ms?: number) => void;
  const start = (): void => {
    metrics = new Metrics(1000, name);
    const requests = metrics.counter({ name: 'spillway_http_requests', help: 'h', labels: ['class', 'status'] });
    const durations = metrics.timing({
      name: 'spillway_http_request_duration_seconds',
      unit: 'seconds',
      help: 'h',
      labels: ['class'],
    });
    count = (perSecond, failing = 0, ms = 20) => {
      requests.series({ class: 'high', status: '2xx' }).inc(perSecond * (1 - failing));
      requests.series({ class: 'high', status: '5xx' }).inc(perSecond * failing);
      for (let at = 0; at < Math.min(50, perSecond); at++) durations.series({ class: 'high' }).observe(ms);
    };
  };
  start();
  return {
    snapshot: (): MetricsSnapshot => metrics.snapshot(),
    metrics: () => metrics,
    restart: start,
    count: (perSecond: number, failing?: number, ms?: number) => count(perSecond, failing, ms),
  };
}

async function watched(
  options: HealthOptions & Partial<HealthSources> = {},
  workers = [countingWorker('1'), countingWorker('2')],
) {
  const clock = new SimulatedClock();
  const posts: { url: string; body: { firing: { key: string }[]; resolved: { key: string }[] } }[] = [];
  const health = createHealth(
    {
      sources: async () => workers.map((worker) => worker.snapshot()),
      post: async (url, body) => void posts.push({ url, body: JSON.parse(body) as never }),
      ...options,
    },
    { clock },
  );
  await health.start();
  const run = async (seconds: number, each: (second: number) => void): Promise<void> => {
    for (let second = 0; second < seconds; second++) {
      each(second);
      await clock.advance(1000);
    }
  };
  return { clock, health, workers, posts, run };
}

const valuesOf = (
  health: Awaited<ReturnType<typeof watched>>['health'],
  clock: SimulatedClock,
  signal: string,
  seconds: number,
) => health.history.slice([signal], clock.now() - seconds * 1000, clock.now()).series[signal]!;

test("a worker's restart leaves no dent in the rate and no jump in the totals", async () => {
  const { clock, health, workers, run } = await watched();
  await run(30, (second) => {
    if (second === 15) workers[0]!.restart();
    for (const worker of workers) worker.count(50);
  });
  assert.deepEqual(new Set(valuesOf(health, clock, 'http.rate', 28)), new Set([100]));
  assert.deepEqual(
    health.overview().workers.map(({ name, restarts, rate }) => [name, restarts, rate]),
    [
      ['1', 1, 50],
      ['2', 0, 50],
    ],
  );
  assert.ok(health.timeline.changes.some(({ text }) => text === 'worker 1 restarted'));
});

test('a worker that is replaced loses no count, shows while it drains, and is no news twice', async () => {
  let [leaving, successor] = [countingWorker('worker 0'), undefined as ReturnType<typeof countingWorker> | undefined];
  let draining = false;
  const { clock, health, run } = await watched({
    sources: async () => [
      ...(successor ? [successor.snapshot()] : []),
      ...(leaving ? [{ ...leaving.snapshot(), worker: draining ? 'worker 0 (draining)' : 'worker 0' }] : []),
    ],
    workers: () => [
      { name: 'worker 0', state: 'ready', pid: 1 },
      ...(draining ? [{ name: 'worker 0 (draining)', state: 'draining', pid: 2 }] : []),
    ],
  });
  await run(5, () => leaving.count(50));
  successor = countingWorker('worker 0');
  draining = true;
  await run(5, () => {
    leaving.count(20);
    successor!.count(30);
  });
  assert.deepEqual(
    health.overview().workers.map(({ name, rate, restarts }) => [name, rate, restarts]),
    [
      ['worker 0', 30, 1],
      ['worker 0 (draining)', 20, 0],
    ],
  );
  leaving.count(20);
  health.take(leaving.snapshot());
  leaving = undefined as never;
  draining = false;
  successor.count(30);
  await run(5, (second) => successor!.count(second === 4 ? 0 : 50));
  const rates = valuesOf(health, clock, 'http.rate', 16);
  assert.equal(
    rates.reduce((sum: number, rate) => sum + (rate ?? 0), 0),
    15 * 50,
  );
  const counted = [...(await health.families())].find(({ name }) => name === 'spillway_http_requests')!;
  assert.equal(
    [...counted.series.values()].reduce((sum, { value }) => sum + value, 0),
    15 * 50,
  );
  assert.deepEqual(
    health.timeline.changes.filter(({ kind }) => kind === 'worker').map(({ text }) => text),
    ['worker 0 restarted'],
  );
});

test('the verdict turns with its events, says why, and comes back', async () => {
  const { health, workers, run } = await watched();
  const heard: string[] = [];
  const levels: number[] = [];
  health.events.on('verdict', ({ level }) => levels.push(level));
  for (const name of ['degraded', 'critical', 'recovered'] as const)
    health.events.on(name, ({ causes }) => heard.push(`${name} ${causes[0]?.text ?? ''}`.trim()));
  await run(15, () => workers.forEach((worker) => worker.count(50)));
  assert.equal(health.status().verdict, 'healthy');
  await run(15, () => workers.forEach((worker) => worker.count(50, 0.3)));
  assert.equal(health.status().verdict, 'degraded');
  await run(15, () => workers.forEach((worker) => worker.count(50, 0.8)));
  assert.equal(health.status().verdict, 'critical');
  await run(40, () => workers.forEach((worker) => worker.count(50)));
  assert.equal(health.status().verdict, 'healthy');
  assert.match(
    heard.join('\n'),
    /^degraded 2\d % of requests fail \(limit 20 %\)\ncritical [56]\d % of requests fail \(limit 50 %\)/,
  );
  assert.equal(heard.at(-1), 'recovered');
  assert.deepEqual(
    levels.filter((level, at) => level !== levels[at - 1]),
    [0, 1, 2, 0],
  );
});

test('what the shedder refuses does not hold up the verdict it was refused for', async () => {
  const { health, workers, run } = await watched();
  const refused = workers.map((worker) =>
    worker
      .metrics()
      .counter({ name: 'spillway_shed_refused', help: 'h', labels: ['class', 'reason'] })
      .series({ class: 'high', reason: 'health' }),
  );
  const shedding = (share: number): void =>
    workers.forEach((worker, at) => {
      worker.count(50, share);
      refused[at]!.inc(50 * share);
    });
  await run(15, () => shedding(0.8));
  assert.equal(health.status().verdict, 'healthy');
});

test('no word from the workers is unknown', async () => {
  let silent = false;
  const worker = countingWorker('1');
  const { health, run } = await watched({
    sources: async () => (silent ? Promise.reject(new Error('no answer')) : [worker.snapshot()]),
  });
  await run(3, () => worker.count(5));
  silent = true;
  const faults: string[] = [];
  health.events.on('fault', ({ what }) => faults.push(what));
  await run(7, () => undefined);
  assert.equal(health.status().verdict, 'unknown');
  assert.match(health.status().causes[0]!.text, /workers have not answered for [567]s/);
  assert.ok(faults.length > 0);
  silent = false;
  await run(2, () => worker.count(5));
  assert.equal(health.status().verdict, 'healthy');
});

test('an endpoint that goes down is named within two seconds', async () => {
  const { health, workers, run } = await watched();
  const up = workers.map((worker) =>
    worker.metrics().gauge({ name: 'spillway_balance_up', help: 'h', labels: ['upstream', 'endpoint'] }),
  );
  const set = (endpoint: string, value: number): void =>
    up.forEach((gauge) => gauge.series({ upstream: 'site', endpoint }).set(value));
  set('http://10.0.0.1:3001', 1);
  set('http://10.0.0.1:3002', 1);
  await run(3, () => workers.forEach((worker) => worker.count(5)));
  set('http://10.0.0.1:3002', 0);
  await run(2, () => workers.forEach((worker) => worker.count(5)));
  assert.equal(health.status().verdict, 'degraded');
  assert.equal(health.status().causes[0]!.text, '1 of 2 endpoints of upstream site down (10.0.0.1:3002)');
  assert.equal(health.overview().path.find(({ id }) => id === 'upstream')!.state, 'slow');
  set('http://10.0.0.1:3001', 0);
  await run(2, () => workers.forEach((worker) => worker.count(5)));
  assert.equal(health.status().verdict, 'critical');
  assert.equal(health.overview().path.find(({ id }) => id === 'upstream')!.state, 'broken');
});

test('an endpoint that was asked to drain is not down, and no station is shown that nobody declared', async () => {
  const { health, workers, run } = await watched();
  const gauges = workers.map((worker) => {
    const named = (name: string) => worker.metrics().gauge({ name, help: 'h', labels: ['upstream', 'endpoint'] });
    return { up: named('spillway_balance_up'), draining: named('spillway_balance_draining') };
  });
  const set = (endpoint: string, up: number, draining: number): void =>
    gauges.forEach((gauge) => {
      gauge.up.series({ upstream: 'site', endpoint }).set(up);
      gauge.draining.series({ upstream: 'site', endpoint }).set(draining);
    });
  set('http://10.0.0.1:3001', 1, 0);
  set('http://10.0.0.1:3002', 0, 1);
  await run(3, () => workers.forEach((worker) => worker.count(5)));
  assert.equal(health.status().verdict, 'healthy');
  assert.deepEqual(
    health.overview().endpoints.map(({ endpoint, state }) => [endpoint, state]),
    [
      ['http://10.0.0.1:3001', 'up'],
      ['http://10.0.0.1:3002', 'draining'],
    ],
  );
  assert.equal(health.timeline.changes.at(-1)!.text, 'http://10.0.0.1:3002 of site drains');
  assert.deepEqual(
    health.overview().path.map(({ id }) => id),
    ['client', 'gateway', 'pages', 'memory', 'upstream'],
  );
});

test('timeouts and reasons of misses are signals: shown, and something to be alerted of', async () => {
  const rules = { manyTimeouts: { signal: 'http.timeouts.share', above: 0.05, for: '10s' } };
  const { health, workers, run } = await watched({ alerts: { rules } });
  const [first] = workers;
  const timeouts = first!.metrics().counter({ name: 'spillway_http_timeouts', help: 'h', labels: ['class'] });
  const misses = first!.metrics().counter({ name: 'spillway_cache_misses', help: 'h', labels: ['cache', 'reason'] });
  first!
    .metrics()
    .counter({ name: 'spillway_cache_hits', help: 'h', labels: ['cache', 'tier'] })
    .series({ cache: 'pages', tier: 'memory' });
  await run(100, () => {
    workers.forEach((worker) => worker.count(50));
    timeouts.series({ class: 'high' }).inc(10);
    misses.series({ cache: 'pages', reason: 'absent' }).inc(3);
    misses.series({ cache: 'pages', reason: 'evicted' }).inc(9);
  });
  const { traffic, misses: shown, classes, alerts } = health.overview();
  assert.equal(traffic.timeouts, 10);
  assert.equal(classes[0]!.timeoutsPerSecond, 10);
  assert.deepEqual(shown, [
    { reason: 'evicted', perSecond: 9 },
    { reason: 'absent', perSecond: 3 },
  ]);
  assert.equal(alerts.find(({ key }) => key === 'manyTimeouts')?.state, 'firing');
});

test('alerts are told together, again while they last, and when they are over; silenced ones are not', async () => {
  const receiver = 'http://127.0.0.1:9/hook';
  const { health, workers, posts, run } = await watched({
    alerts: {
      notify: [{ type: 'webhook', url: receiver }],
      repeat: '10m',
      rules: { Busy: { signal: 'http.rate', above: 50, for: '5s' } },
    },
  });
  await run(200, () => workers.forEach((worker) => worker.count(50, 0.1)));
  assert.deepEqual(
    posts.map(({ url, body }) => [url, body.firing.map(({ key }) => key).toSorted()]),
    [
      [receiver, ['Busy', 'SpillwayBudgetBurns/availability/page', 'SpillwayBudgetBurns/availability/ticket']],
      [receiver, ['SpillwayErrorsHigh']],
    ],
  );
  health.silence('Busy', 3_600_000);
  await run(700, () => workers.forEach((worker) => worker.count(50, 0.1)));
  assert.equal(posts.length, 4);
  assert.ok(posts.slice(2).every(({ body }) => body.firing.every(({ key }) => key !== 'Busy')));
  await run(500, () => workers.forEach((worker) => worker.count(5)));
  assert.ok(posts.slice(4).some(({ body }) => body.resolved.some(({ key }) => key === 'SpillwayErrorsHigh')));
});

test('history, timeline and budgets survive a restart', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'spillway-history-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const options: HealthOptions = { history: { file: join(folder, 'sub/history.db') }, service: { name: 'shop', version: '1' } };
  const first = await watched(options);
  await first.run(180, () => first.workers.forEach((worker) => worker.count(50, 0.01)));
  first.health.note({ kind: 'purge', text: 'purge tag city:dallas', tone: 'info' });
  const before = valuesOf(first.health, first.clock, 'http.rate', 120);
  const budget = first.health.overview().objectives[0]!;
  await first.health.stop();

  const clock = new SimulatedClock(first.clock.now() + 2000);
  const second = createHealth(
    { ...options, service: { name: 'shop', version: '2' }, sources: async () => [countingWorker('1').snapshot()] },
    { clock },
  );
  await second.start();
  const slice = second.history.slice(['http.rate'], clock.now() - 122_000, clock.now() - 2000);
  assert.deepEqual(slice.series['http.rate']!.slice(0, 115), before.slice(0, 115));
  assert.ok(second.timeline.changes.some(({ text }) => text === 'purge tag city:dallas'));
  assert.equal(
    second.timeline.changes.at(-1)!.kind === 'verdict'
      ? second.timeline.changes.at(-2)!.kind
      : second.timeline.changes.at(-1)!.kind,
    'deploy',
  );
  const kept = second.overview().objectives[0]!;
  assert.ok(Math.abs(kept.left - budget.left) < 0.0001 && kept.left < 1, `${kept.left} of ${budget.left}`);
  await second.stop();
});

test('a history that cannot be opened is told of; health goes on without', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'spillway-history-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const worker = countingWorker('1');
  const clock = new SimulatedClock();
  const health = createHealth({ history: { file: folder }, sources: async () => [worker.snapshot()] }, { clock });
  const faults: string[] = [];
  health.events.on('fault', ({ what }) => faults.push(what));
  await health.start();
  await clock.advance(30_000);
  assert.deepEqual(faults, ['history could not be kept']);
  assert.equal(health.status().verdict, 'healthy');
  await health.stop();
});

test('24 hours keep memory flat: rings do not grow, and nothing else does', async () => {
  const worker = countingWorker('1');
  const { clock, health } = await watched({ every: '1m' }, [worker]);
  const bytesAfter: number[] = [];
  for (let hour = 0; hour < 24; hour++) {
    for (let minute = 0; minute < 60; minute++) {
      worker.count(100, minute === 30 ? 0.9 : 0);
      await clock.advance(60_000);
    }
    bytesAfter.push(health.history.bytes);
  }
  assert.equal(bytesAfter.at(-1), bytesAfter[1]);
  assert.ok(health.timeline.changes.length <= 500);
  assert.equal(health.history.refused, 0);
});

test('a wrong option is named', () => {
  assert.throws(
    () => createHealth({ sources: async () => [], alerts: { thresholds: { eror: {} } } } as never),
    (error) => error instanceof ConfigError && /alerts\.thresholds\.eror.*\n.*did you mean 'errors'/.test(error.message),
  );
});
