/** Several worker processes sharing one schedule. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { constant, defineLoad, runLoad, users } from '../../src/load/index.ts';
import scripted from './scripted.load.ts';

const paths = new Map<string, number>();
const server = createServer((request, response) => {
  paths.set(request.url!, (paths.get(request.url!) ?? 0) + 1);
  response.end('ok');
});
let target = '';
before(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  target = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
after(() => server.close());

test('two workers send exactly what is planned', async () => {
  paths.clear();
  const definition = defineLoad({
    target,
    arrival: constant('333/s').for('1s'),
    scenarios: { a: { requests: [{ path: '/a' }] } },
  });
  const report = await runLoad(definition, { workers: 2, connections: 8 });
  assert.equal(report.workers, 2);
  assert.equal(report.planned, 333);
  assert.equal(report.completed, 333);
  assert.equal(paths.get('/a'), 333);
  assert.equal(report.generator.connectionsOpened, 8);
  assert.ok(report.generator.cpuMs > 0);
});

test('code runs in every worker from its file, on the row and iteration that is its alone', async () => {
  paths.clear();
  const definition = { ...scripted, target };
  const report = await runLoad(definition, { workers: 3, file: new URL('./scripted.load.ts', import.meta.url).href });
  assert.equal(report.iterations, 60);
  assert.deepEqual(report.checks, [{ name: 'ok', scenario: 'rows', passed: 60, failed: 0 }]);
  assert.equal(paths.size, 60, 'each row once, and the data of setup in each');
  for (let row = 0; row < 60; row++) assert.equal(paths.get(`/${row}?from-setup`), 1);
});

test('users of a closed model are shared too', async () => {
  const report = await runLoad(defineLoad({ target, arrival: users(5).thinking('20ms').for('500ms') }), { workers: 2 });
  assert.equal(report.connections, 5);
  assert.equal(report.generator.connectionsOpened, 5);
  assert.ok(report.completed > 50);
});

test('a threshold that aborts ends the run in every worker', async () => {
  const definition = defineLoad({
    target,
    arrival: constant('100/s').for('20s'),
    thresholds: { latency: [{ threshold: 'max<0', abortOnFail: true }] },
  });
  const report = await runLoad(definition, { workers: 2 });
  assert.equal(report.verdict.exitCode, 99);
  assert.ok(report.elapsedMs < 5000);
});

test('code without a file cannot be shared, and the error says what to do', async () => {
  const definition = defineLoad({ target, arrival: constant('1/s').for('1s'), scenarios: { a: { exec: () => {} } } });
  await assert.rejects(runLoad(definition, { workers: 2 }), /pass file: import.meta.url/);
});
