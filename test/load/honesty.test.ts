/** What a run on real sockets must say: exact counts where the generator can keep up, INVALID where it cannot. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Events } from '../../src/kernel/index.ts';
import { constant, defineLoad, runLoad, users, type LoadEvents } from '../../src/load/index.ts';
import { freePort, ServerProcess, eventually } from '../servers/index.ts';

const ANSWER = `require('node:http').createServer((q, r) => r.end('ok')).listen(Number(process.argv[1]), '127.0.0.1')`;
let server: ServerProcess;
let target: string;
before(async () => {
  const port = await freePort();
  target = `http://127.0.0.1:${port}`;
  server = new ServerProcess(process.execPath, ['-e', ANSWER, String(port)]);
  await eventually('the server answers', async () => (await fetch(target).catch(() => undefined)) !== undefined);
});
after(() => server.kill());

test('an open loop sends exactly what is planned', async () => {
  const report = await runLoad(defineLoad({ target, arrival: constant('1500/s').for('2s') }));
  assert.equal(report.planned, 3000);
  assert.equal(report.sent, 3000);
  assert.equal(report.completed, 3000);
});

test('a rate no process can send is invalid, every time', async () => {
  for (let run = 0; run < 3; run++) {
    const report = await runLoad(defineLoad({ target, arrival: constant('400000/s').for('1s') }), { timeout: '200ms' });
    assert.equal(report.verdict.exitCode, 97, report.verdict.reasons.join('; '));
  }
});

test('users who never pause saturate somebody: where it is the generator, the run is invalid', async () => {
  const report = await runLoad(defineLoad({ target, arrival: users(64).for('1s') }));
  assert.equal(
    report.verdict.exitCode === 97,
    report.generator.busy > 0.9 || report.verdict.reasons.some((text) => text.includes('was late')),
  );
});

test('a stop of the server shows whole in latency and hardly in service', async () => {
  const events = new Events<LoadEvents>();
  let heard = 0;
  events.on('progress', () => {
    // Progress comes twice a second: the server stands still from the first news to the second.
    if (++heard === 1) server.freeze();
    else server.thaw();
  });
  const report = await runLoad(defineLoad({ target, arrival: constant('500/s').for('3s') }), { connections: 8 }, { events });
  assert.equal(report.completed, 1500);
  assert.ok(report.latency.max! >= 450, `${report.latency.max}`);
  assert.ok(report.latency.p90! > 100, `of 3 s, a half is a stop: ${report.latency.p90}`);
  assert.ok(report.service.p90! < report.latency.p90! / 2, `eight requests felt it on the wire: ${report.service.p90}`);
});
