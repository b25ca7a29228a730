/** The loads that come with Spillway, run for a moment against a small application, with and without its failing. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { constant, defineLoad, runLoad, STANDARD_LOADS, type LoadDefinition, type LoadReport } from '../../src/load/index.ts';
import { freePort } from '../servers/index.ts';
import { startPlannerApp, type PlannerApp } from './planner-app.ts';

let app: PlannerApp;
before(async () => void (app = await startPlannerApp()));
after(() => app.close());

/** A standard load as it is, but for a second or three, and with small sockets. */
async function run(name: keyof typeof STANDARD_LOADS): Promise<LoadReport> {
  const { default: standard } = (await import(STANDARD_LOADS[name])) as { default: LoadDefinition };
  const { sockets } = standard;
  return runLoad({
    ...standard,
    target: app.url,
    arrival: constant(name === 'tasks' ? '50/s' : '20/s').for(sockets ? '3s' : '1500ms'),
    ...(sockets
      ? { sockets: { ...sockets, count: 50, ramp: '500ms', storms: [{ at: '1500ms', share: 0.1 }] }, thresholds: {} }
      : {}),
  });
}

test('authentication', async () => {
  const report = await run('authentication');
  assert.equal(report.iterations, 30, report.scriptErrors.join());
  assert.ok(
    report.checks.every(({ failed }) => failed === 0),
    JSON.stringify(report.checks),
  );
  assert.deepEqual(Object.keys(report.requests).toSorted(), ['login', 'logout', 'refresh', 'who am I', 'wrong password']);
  assert.deepEqual(report.errors, {}, 'a refused wrong password is expected');
});

test('tasks', async () => {
  const report = await run('tasks');
  assert.equal(report.iterations, 75, report.scriptErrors.join());
  assert.ok(
    report.checks.every(({ failed }) => failed === 0),
    JSON.stringify(report.checks),
  );
  assert.equal(report.scenarios['look']!.completed, 57);
  assert.equal(report.scenarios['work']!.completed, 18 * 3);
});

test('analytics', async () => {
  const report = await run('analytics');
  assert.equal(report.completed, 30 * 4);
  assert.equal(report.failed, 0);
});

test('realtime', async () => {
  const report = await run('realtime');
  assert.equal(report.requests['connect']!.completed, 50);
  assert.equal(report.requests['reconnect']!.completed, 5);
  assert.ok(report.requests['delivery']!.completed > 200);
});

test('a target of the run’s own is started, stalled, killed and started again in the timeline', async () => {
  const port = await freePort();
  const report = await runLoad(
    defineLoad({
      target: `http://127.0.0.1:${port}`,
      arrival: constant('50/s').for('7s'),
      processes: {
        app: {
          command: process.execPath,
          args: ['--conditions=source', new URL('./planner-app.ts', import.meta.url).pathname, String(port)],
          ready: `http://127.0.0.1:${port}/`,
        },
      },
      faults: [
        { at: '500ms', stall: 'app', for: '500ms' },
        { at: '1500ms', kill: 'app' },
        { at: '1700ms', restart: 'app' },
      ],
    }),
    { timeout: '5s' },
  );
  assert.deepEqual(
    report.faults!.map(({ what }) => what),
    ['app stands still', 'app goes on', 'app is killed', 'app is started again'],
  );
  assert.ok(report.latency.max! >= 490, `the stall shows: ${report.latency.max}`);
  assert.ok(report.errors['connect']! > 0, 'and so does the kill');
  assert.ok(report.completed > 80, `it is back: more than the 75 from before were answered, ${report.completed}`);
  await assert.rejects(fetch(`http://127.0.0.1:${port}/`), 'it is stopped with the run');
});

test('a child of a process can be killed, and the whole group ends with the run', async () => {
  const port = await freePort();
  const serve = `${process.execPath} --conditions=source ${new URL('./planner-app.ts', import.meta.url).pathname} ${port}`;
  const report = await runLoad(
    defineLoad({
      target: `http://127.0.0.1:${port}`,
      arrival: constant('100/s').for('3s'),
      processes: { app: { command: 'bash', args: ['-c', `while true; do ${serve}; done`], ready: `127.0.0.1:${port}` } },
      faults: [{ at: '500ms', killChild: 'app' }],
    }),
    { timeout: '5s' },
  );
  assert.deepEqual(
    report.faults!.map(({ what }) => what),
    ['a child of app is killed'],
  );
  assert.ok(report.failed > 0 && report.completed > 50, `${report.completed} completed, ${report.failed} failed`);
  await assert.rejects(fetch(`http://127.0.0.1:${port}/`), 'nobody starts it again');
});

test('a fault names a process of the run, or is refused', () => {
  assert.throws(
    () => defineLoad({ target: 'http://127.0.0.1:1', arrival: constant('1/s').for('1s'), faults: [{ at: '1s', kill: 'nginx' }] }),
    /"nginx" is no process of this run\n\s+declare it under processes/,
  );
});
