/** History in a real Redis. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createClient } from 'redis';
import { createRedisCommands } from '../../src/drivers/redis-commands.ts';
import { createHealth, createRedisHistory, type HistoryRow } from '../../src/health/index.ts';
import { Metrics, SimulatedClock } from '../../src/kernel/index.ts';
import { eventually, startRedis, type RedisServer } from '../servers/index.ts';

let server: RedisServer;
before(async () => {
  server = await startRedis();
});
after(() => server.stop());

for (const RESP of [2, 3] as const) {
  test(`what was saved is there again, in a bounded ring (RESP${RESP})`, async (t) => {
    const client = createClient({ url: server.url, RESP });
    await client.connect();
    t.after(() => client.close());
    const send = (command: readonly string[]): Promise<unknown> => client.sendCommand([...command]);
    const nowMs = Date.UTC(2026, 0, 8, 12);
    const row = (stepMs: number, agoSteps: number): HistoryRow => ({
      stepMs,
      atMs: nowMs - agoSteps * stepMs,
      values: new Map([
        ['http.rate', agoSteps + 0.5],
        ['class.critical.p95', 12.25],
      ]),
    });
    const store = createRedisHistory({ send, node: `gateway-${RESP}` });
    await store.load(nowMs);
    const rows = Array.from({ length: 1200 }, (_, at) => row(1000, 1199 - at));
    const change = { id: 1, atMs: nowMs, kind: 'purge', text: 'purge tag a', tone: 'info' } as const;
    await store.save(
      {
        rows: [...rows, row(60_000, 3)],
        changes: [change],
        hours: [{ objective: 'availability', hour: nowMs / 3_600_000, bad: 2, total: 1000 }],
      },
      nowMs,
    );

    const again = await createRedisHistory({ send, node: `gateway-${RESP}` }).load(nowMs);
    assert.equal(again.rows.filter(({ stepMs }) => stepMs === 1000).length, 900);
    assert.deepEqual(again.rows.at(-1), row(60_000, 3));
    assert.deepEqual(again.changes, [change]);
    assert.deepEqual(again.hours, [{ objective: 'availability', hour: nowMs / 3_600_000, bad: 2, total: 1000 }]);
    assert.equal((await createRedisHistory({ send, node: 'another' }).load(nowMs)).rows.length, 0);
    assert.equal(await client.hLen(`{spillway:history:gateway-${RESP}}:1000`), 900);
  });
}

test('machines that share a Redis see the history of all: rates add up, of times the worst is told', async (t) => {
  const commands = createRedisCommands({ url: server.url });
  t.after(() => commands.close());
  const clock = new SimulatedClock(Date.UTC(2026, 0, 8, 12));
  const machines = [10, 30].map((perSecond, at) => {
    const metrics = new Metrics();
    const requests = metrics.counter({ name: 'spillway_http_requests', help: 'h', labels: ['class', 'status'] });
    const durations = metrics.timing({ name: 'spillway_http_request_duration_seconds', help: 'h', labels: ['class'] });
    const historyStore = createRedisHistory({ send: commands.send, node: `machine ${at}`, prefix: 'fleet:' });
    const health = createHealth({ sources: async () => [metrics.snapshot()], historyStore }, { clock });
    t.after(() => health.stop());
    const serve = (): void => {
      requests.series({ class: 'high', status: '2xx' }).inc(perSecond);
      durations.series({ class: 'high' }).observe(perSecond);
    };
    return { health, serve };
  });
  for (const { health } of machines) await health.start();
  const signals = ['http.rate', 'http.p99'];
  const latest = async (): Promise<unknown> => {
    const { series, machines: count } = await machines[0]!.health.fleetHistory(signals, clock.now() - 60_000, clock.now());
    const [rate, p99] = signals.map((signal) => series[signal]!.findLast((value) => value !== null));
    return [count, rate, Math.round(p99!)];
  };
  await eventually(
    'both machines are in it',
    async () => {
      for (const { serve } of machines) serve();
      await clock.advance(1000);
      return JSON.stringify(await latest()) === '[2,40,30]';
    },
    60_000,
  );
  const alone = await machines[0]!.health.fleetHistory(['http.rate'], clock.now() - 60_000, clock.now());
  assert.equal(alone.stepMs, 10_000);
});

test('a Redis that is away when the gateway starts keeps its history all the same, once it is there', async (t) => {
  const away = await startRedis();
  t.after(() => away.stop());
  await away.process.kill();
  const commands = createRedisCommands({ url: away.url });
  t.after(() => commands.close());
  const clock = new SimulatedClock(Date.UTC(2026, 0, 8, 12));
  const historyStore = createRedisHistory({ send: commands.send, node: 'late' });
  const metrics = new Metrics();
  const health = createHealth({ sources: async () => [metrics.snapshot()], historyStore }, { clock });
  const faults: string[] = [];
  health.events.on('fault', ({ what }) => faults.push(what));
  await health.start();
  assert.deepEqual(faults, ['history could not be kept']);

  await away.restart();
  const reader = createRedisHistory({ send: commands.send, node: 'late' });
  await eventually(
    'history is in Redis',
    async () => {
      await clock.advance(10_000);
      const kept = await Promise.resolve(reader.load(clock.now())).catch(() => undefined);
      return kept !== undefined && kept.rows.length > 0;
    },
    60_000,
  );
  await health.stop();
});
