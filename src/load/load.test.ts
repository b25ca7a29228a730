import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { SimulatedClock, type Clock, type ConfigError } from '../kernel/index.ts';
import {
  constant,
  defineLoad,
  feed,
  poisson,
  ramp,
  runLoad,
  users,
  type LoadDefinition,
  type LoadOptionsInput,
  type LoadReport,
} from './index.ts';
import type { Exchange, Fault, Transport } from './transport.ts';

type Behaviour = (
  request: Exchange['request'],
  atMs: number,
) => { afterMs: number; status?: number; fault?: Fault; body?: string };

/** A target on the simulated clock: as many connections as asked for, each answering as `behave` says. */
class SimulatedTarget implements Transport {
  onFree: () => void = () => {};
  free: number;
  freeSinceMs = 0;
  readonly seen: { path: string; atMs: number }[] = [];
  readonly stats = { bytesRead: 0, bytesWritten: 0, connectionsOpened: 0, resent: 0 };
  readonly #clock: Clock;
  readonly #behave: Behaviour;
  readonly #inFlight = new Set<Exchange>();

  constructor(clock: Clock, connections: number, behave: Behaviour) {
    this.#clock = clock;
    this.free = connections;
    this.#behave = behave;
  }

  open(): Promise<void> {
    return Promise.resolve();
  }

  send(exchange: Exchange, nowMs: number): void {
    const now = this.#clock.monotonic();
    assert.ok(this.free > 0, 'sent only while a connection is free');
    assert.equal(nowMs, now);
    this.free--;
    exchange.writtenMs = now;
    this.seen.push({ path: exchange.request.path, atMs: now });
    this.#inFlight.add(exchange);
    const { afterMs, status = 200, fault, body = '' } = this.#behave(exchange.request, now);
    this.#clock.setTimer(() => {
      if (!this.#inFlight.delete(exchange)) return;
      if (this.free++ === 0) this.freeSinceMs = this.#clock.monotonic();
      if (fault) exchange.failed(fault, '');
      else {
        const answer = { status, head: `HTTP/1.1 ${status} X\r\n\r\n`, body: Buffer.from(body), bodyBytes: body.length };
        exchange.answered(answer, this.#clock.monotonic());
      }
      this.onFree();
    }, afterMs);
  }

  close(): void {
    for (const exchange of this.#inFlight) exchange.failed('unfinished', '');
    this.#inFlight.clear();
  }
}

interface Simulation {
  report: LoadReport;
  target: SimulatedTarget;
}

async function simulate(
  definition: LoadDefinition,
  behave: Behaviour,
  options: LoadOptionsInput = {},
  busy = 0.1,
): Promise<Simulation> {
  const clock = new SimulatedClock();
  const targets: SimulatedTarget[] = [];
  let report: LoadReport | undefined;
  const running = runLoad(definition, options, {
    clock,
    busy: () => busy,
    openTransport: (_plan, connections) => {
      targets.push(new SimulatedTarget(clock, connections, behave));
      return targets.at(-1)!;
    },
  }).then((result) => (report = result));
  await clock.until(() => report !== undefined);
  await running;
  return { report: report!, target: targets.find((target) => target.seen.length > 0) ?? targets[0]! };
}

const target = 'http://127.0.0.1:9';
const quick: Behaviour = () => ({ afterMs: 5 });

test('sends exactly what is planned, when it is planned', async () => {
  const { report, target: seen } = await simulate(defineLoad({ target, arrival: constant('500/s').for('10s') }), quick);
  assert.equal(report.planned, 5000);
  assert.equal(report.sent, 5000);
  assert.equal(report.completed, 5000);
  assert.equal(report.ratePerSecond, 500);
  assert.equal(report.lag.max, 0);
  assert.equal(report.latency.p99, 5);
  assert.deepEqual(report.verdict, { result: 'ok', exitCode: 0, reasons: [] });
  for (const [k, { atMs }] of seen.seen.entries()) assert.ok(Math.abs(atMs - k * 2) < 1e-6);
});

test('a stall of one second shows in full: the latencies of a stopped server are its remaining stop', async () => {
  const stalled: Behaviour = (_request, atMs) => ({ afterMs: (atMs >= 3000 && atMs < 4000 ? 4000 - atMs : 0) + 0.02 });
  const { report } = await simulate(defineLoad({ target, arrival: constant('1000/s').for('10s') }), stalled, { connections: 16 });
  // A tenth of all arrivals fall into the stall, evenly: latency has its 90th percentile at 0 and its 99th at 900 ms.
  assert.equal(report.planned, 10_000);
  assert.equal(report.completed, 10_000);
  assert.ok(Math.abs(report.latency.p99! - 900) < 5, `${report.latency.p99}`);
  assert.ok(Math.abs(report.latency.p95! - 500) < 5, `${report.latency.p95}`);
  assert.ok(Math.abs(report.latency.max! - 1000) < 3, `${report.latency.max}`);
  // Service time hides it: only the 16 requests on the wire felt the stall. That is coordinated omission.
  assert.ok(report.service.p99! < 5, `${report.service.p99}`);
  assert.ok(report.lag.max! < 0.01, 'and none of it was the generator');
});

test('arrivals that wait the whole timeout in vain are counted, at their age', async () => {
  const never: Behaviour = () => ({ afterMs: 1e9 });
  const definition = defineLoad({ target, arrival: constant('100/s').for('2s') });
  const { report } = await simulate(definition, never, { connections: 10, timeout: '1s' });
  assert.equal(report.planned, 200);
  assert.equal(report.sent, 10);
  assert.equal(report.missed, 190);
  assert.equal(report.errors['late']! + report.errors['unfinished']!, 200);
  assert.ok(report.latency.min! >= 1000);
  assert.equal(report.verdict.exitCode, 97);
});

test('a saturated generator exits 97 whatever the thresholds say', async () => {
  const definition = defineLoad({ target, arrival: constant('100/s').for('5s'), thresholds: { latency: ['max<1'] } });
  const { report } = await simulate(definition, quick, {}, 0.95);
  assert.equal(report.verdict.result, 'invalid');
  assert.equal(report.verdict.exitCode, 97);
  assert.match(report.verdict.reasons[0]!, /saturated: its event loop was busy 95 %/);
});

test('a backlog that only grows is a missed rate; a stall before the end is not', async () => {
  const definition = defineLoad({ target, arrival: constant('200/s').for('20s') });
  const { report: slow } = await simulate(definition, () => ({ afterMs: 10 }), { connections: 1 });
  assert.equal(slow.completed, 4000, 'everything is sent all the same');
  assert.equal(slow.verdict.exitCode, 97);
  assert.match(slow.verdict.reasons[0]!, /the rate was missed: \d+ of 4000 planned arrivals began in time/);
  const stalled: Behaviour = (_request, atMs) => ({ afterMs: atMs >= 19_500 && atMs < 20_500 ? 20_500 - atMs + 1 : 1 });
  assert.equal((await simulate(definition, stalled, { connections: 4 })).report.verdict.exitCode, 0);
});

test('a broken threshold exits 99, and one that aborts ends the run', async () => {
  const broken = defineLoad({ target, arrival: constant('100/s').for('5s'), thresholds: { latency: ['p(99)<2', 'max<1000'] } });
  const { report } = await simulate(broken, quick);
  assert.equal(report.verdict.exitCode, 99);
  assert.deepEqual(
    report.thresholds.map(({ passed }) => passed),
    [false, true],
  );
  const aborting = { ...broken, thresholds: { latency: [{ threshold: 'p(99)<2', abortOnFail: true, delayAbortEval: '1s' }] } };
  const { report: aborted } = await simulate(aborting, quick);
  assert.equal(aborted.verdict.exitCode, 99);
  assert.match(aborted.verdict.reasons[0]!, /ended early/);
  assert.ok(aborted.planned < 200, `${aborted.planned}`);
});

test('scenarios are chosen by weight, carry state and rows, and count checks', async () => {
  const rows: unknown[] = [];
  const definition = defineLoad({
    target: `${target}/base`,
    arrival: constant('100/s').for('4s'),
    scenarios: {
      browse: {
        weight: 3,
        class: 'critical',
        feed: feed(['dallas', 'austin']),
        exec: async ({ get, check, row, think }) => {
          rows.push(row);
          const first = await get(`/plans/${row as string}`, { name: 'plan' });
          await think('20ms', '40ms');
          const second = await get('/missing', { expect: [404] });
          check('found', first.status === 200 && first.text() === 'page');
          check('not found', second.status === 404);
        },
      },
      ping: { requests: [{ path: '/ping' }] },
    },
    thresholds: {
      'latency{class:critical}': ['p(95)<10'],
      'errors{scenario:browse}': ['rate==0'],
      checks: ['rate==1'],
      'requests{name:plan}': ['count==300'],
    },
  });
  const { report, target: seen } = await simulate(definition, ({ path }) => ({
    afterMs: 5,
    status: path.endsWith('missing') ? 404 : 200,
    body: 'page',
  }));
  assert.equal(report.verdict.exitCode, 0, report.verdict.reasons.join('; '));
  assert.equal(report.planned, 400);
  assert.equal(report.iterations, 300);
  assert.equal(report.scenarios['browse']!.sent, 600);
  assert.equal(report.scenarios['ping']!.sent, 100);
  assert.equal(report.classes['critical']!.sent, 600);
  assert.deepEqual(report.statuses, { 200: 400, 404: 300 });
  assert.ok(seen.seen.every(({ path }) => path.startsWith('/base/')));
  assert.ok(rows.filter((row) => row === 'dallas').length > 100);
});

test('a scenario that throws is a counted error with its message', async () => {
  const definition = defineLoad({
    target,
    arrival: constant('10/s').for('1s'),
    scenarios: { broken: { exec: async ({ get }) => (await get('/')).json() } },
  });
  const { report } = await simulate(definition, quick);
  assert.deepEqual(report.errors, { script: 10 });
  assert.match(report.scriptErrors[0]!, /^broken: .*JSON/);
});

test('requests without an answer resolve with their fault', async () => {
  const faults: unknown[] = [];
  const definition = defineLoad({
    target,
    arrival: constant('10/s').for('1s'),
    scenarios: { one: { exec: async ({ get }) => void faults.push((await get('/')).fault) } },
  });
  const { report } = await simulate(definition, () => ({ afterMs: 1, fault: 'reset' }));
  assert.deepEqual(
    faults,
    Array.from({ length: 10 }, () => 'reset'),
  );
  assert.equal(report.errors['reset'], 10);
  assert.equal(report.latency.count, 0, 'a reset says nothing about time');
  assert.equal(report.verdict.exitCode, 97, 'nothing was answered');
});

test('the first request of a user who had to wait to be let in counts the wait', async () => {
  const definition = defineLoad({
    target,
    arrival: constant('100/s').for('1s'),
    scenarios: { slow: { exec: async ({ get }) => void (await get('/')) } },
  });
  const { report } = await simulate(definition, () => ({ afterMs: 20 }), { maxUsers: 1 });
  // One user at a time, 20 ms each, against 10 ms between arrivals: arrival k ends at 20 (k + 1) and was due at 10 k.
  assert.ok(Math.abs(report.latency.max! - (20 * 100 - 10 * 99)) < 1, `${report.latency.max}`);
});

test('closed model: users ask, wait, think and ask again', async () => {
  const { report } = await simulate(defineLoad({ target, arrival: users(10).thinking('95ms').for('10s') }), quick);
  assert.equal(report.model, 'closed');
  assert.equal(report.connections, 10);
  assert.equal(report.planned, 1000);
  assert.equal(report.completed, 1000);
  assert.equal(report.peakInFlight, 10);
  const ramped = await simulate(defineLoad({ target, arrival: users(10).rampingUp('10s').thinking('95ms').for('10s') }), quick);
  assert.ok(Math.abs(ramped.report.completed - 550) <= 10, `${ramped.report.completed}`);
});

test('a closed user remembers', async () => {
  const counts: number[] = [];
  const definition = defineLoad({
    target,
    arrival: users(2).thinking('95ms').for('1s'),
    scenarios: {
      remembering: {
        exec: async ({ get, state }) => {
          await get('/');
          state['visits'] = ((state['visits'] as number) ?? 0) + 1;
          counts.push(state['visits'] as number);
        },
      },
    },
  });
  await simulate(definition, quick);
  assert.equal(Math.max(...counts), 10);
});

test('setup feeds every iteration, teardown follows, and neither counts', async () => {
  const order: string[] = [];
  const definition = defineLoad<{ token: string }>({
    target,
    arrival: constant('5/s').for('1s'),
    setup: async ({ request }) => ({ token: (await request('POST', '/login', { json: {} })).text() }),
    teardown: (data) => void order.push(`teardown ${data.token}`),
    scenarios: {
      one: {
        exec: async ({ get, data }) => (order.push(data.token), await get('/', { headers: { authorization: data.token } })),
      },
    },
  });
  const { report } = await simulate(definition as LoadDefinition, () => ({ afterMs: 1, body: 't1' }));
  assert.deepEqual(order, ['t1', 't1', 't1', 't1', 't1', 'teardown t1']);
  assert.equal(report.sent, 5);
});

test('a day-long run holds no more at its end than at its beginning', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const heapMb: number[] = [];
  const sampling: Behaviour = (_request, atMs) => {
    if (atMs >= (heapMb.length + 1) * 7_200_000) {
      collect();
      heapMb.push(process.memoryUsage().heapUsed / 1024 / 1024);
    }
    return { afterMs: 5 };
  };
  const { report, target: seen } = await simulate(defineLoad({ target, arrival: poisson('20/m').for('1d') }), sampling, {
    connections: 4,
  });
  assert.ok(report.timeline.points.length <= 450);
  assert.ok(Math.abs(report.planned - 28_800) < 900);
  // What the simulated target remembers of each request is the test's own.
  const ownMb = (seen.seen.length * 100) / 1024 / 1024;
  assert.ok(heapMb.at(-1)! - heapMb[1]! < 3 + ownMb, heapMb.map((mb) => mb.toFixed(1)).join(' '));
});

test('the same seed makes the same run', async () => {
  const definition = defineLoad({
    target,
    arrival: poisson(ramp('10/s', '100/s').for('3s'), { seed: 9 }),
    scenarios: { a: { exec: async ({ get, random }) => void (await get(`/${Math.floor(random() * 1e6)}`)) } },
  });
  const paths = async (seed: number): Promise<string[]> =>
    (await simulate(definition, quick, { seed })).target.seen.map(({ path }) => path);
  assert.deepEqual(await paths(1), await paths(1));
  assert.notDeepEqual(await paths(1), await paths(2));
});

test('wrong definitions and options name what is wrong', async () => {
  assert.throws(
    () => defineLoad({ target: 'nowhere', arrival: constant('1/s').for('1s') }),
    /"nowhere" is not an http or https URL/,
  );
  assert.throws(() => defineLoad({ target, arrival: undefined as never }), /for example constant/);
  assert.throws(
    () => defineLoad({ target, arrival: constant('1/s').for('1s'), scenarios: { a: {} as never } }),
    /scenarios.a: does nothing/,
  );
  const definition = defineLoad({ target, arrival: constant('1/s').for('1s') });
  await assert.rejects(runLoad(definition, { conections: 3 } as never), /did you mean 'connections'/);
  await assert.rejects(runLoad({ ...definition, thresholds: { latency: ['p99<3'] } }), /is not an expression such as/);
  await assert.rejects(runLoad({ ...definition, target: 'http://192.0.2.1/' }), /is not this machine/);
});

test('a definition is refused with every problem, where it is and what to write instead', () => {
  const definition = {
    target: 'localhost:8080',
    arrival: constant('5/s').for('1s'),
    treshold: {},
    thresholds: { latancy: ['p(99)<200'], latency: ['p99<200'] },
    scenarios: { browse: { wheight: 2, requests: [{ path: 'plans', wieght: 3 }] }, idle: {} },
  };
  assert.throws(
    () => defineLoad(definition as unknown as LoadDefinition),
    (error: ConfigError) => {
      assert.deepEqual(
        error.problems.map(({ path, fix }) => [path, fix]),
        [
          ['treshold', "did you mean 'thresholds'?"],
          ["thresholds['latancy']", "did you mean 'latency'?"],
          ["thresholds['latency']", undefined],
          ['target', "write 'http://localhost:8080'"],
          ['scenarios.browse.wheight', "did you mean 'weight'?"],
          ['scenarios.browse.requests[0].wieght', "did you mean 'weight'?"],
          ['scenarios.browse.requests[0].path', undefined],
          ['scenarios.idle', 'give it exec, or requests'],
        ],
      );
      return true;
    },
  );
});
