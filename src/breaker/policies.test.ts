import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom, SimulatedClock, SpillwayError } from '../kernel/index.ts';
import { createBreaker } from './breaker.ts';
import { createBreakers } from './breakers.ts';
import { createBulkhead } from './bulkhead.ts';
import { createFallback } from './fallback.ts';
import { createHedge } from './hedge.ts';
import { wrap } from './policy.ts';
import { createRetry, createRetryBudget } from './retry.ts';
import { createTimeout } from './timeout.ts';

const codeOf = (error: unknown): string => (error instanceof SpillwayError ? error.code : String(error));

/** Runs simulated time until the work has settled. */
async function settled<T>(clock: SimulatedClock, work: Promise<T>): Promise<{ value?: T; error?: unknown; tookMs: number }> {
  const startMs = clock.monotonic();
  let outcome: { value?: T; error?: unknown } | undefined;
  work.then(
    (value) => (outcome = { value }),
    (error: unknown) => (outcome = { error }),
  );
  await clock.until(() => outcome !== undefined);
  return { ...outcome!, tookMs: clock.monotonic() - startMs };
}

test('a timeout gives the call up and tells it so, whether it listens or not', async () => {
  const clock = new SimulatedClock();
  const timeout = createTimeout({ after: '100ms' }, { clock });
  let aborted = false;
  const slow = await settled(
    clock,
    timeout.execute((signal) => {
      signal!.addEventListener('abort', () => (aborted = true));
      return new Promise(() => {});
    }),
  );
  assert.deepEqual([codeOf(slow.error), slow.tookMs, aborted], ['SPILLWAY_TIMEOUT', 100, true]);
  assert.equal(
    (
      await settled(
        clock,
        timeout.execute(() => 5),
      )
    ).value,
    5,
  );
  assert.equal(clock.pendingTimers, 0);
});

test("a timeout's caller can give up sooner", async () => {
  const clock = new SimulatedClock();
  const controller = new AbortController();
  const work = createTimeout({ after: '1s' }, { clock }).execute(() => new Promise(() => {}), { signal: controller.signal });
  controller.abort(new Error('gone'));
  assert.match(String((await settled(clock, work)).error), /gone/);
});

test('a bulkhead runs so many at once, lets some wait, and refuses the rest', async () => {
  const clock = new SimulatedClock();
  const bulkhead = createBulkhead({ concurrent: 2, queue: 1 }, { clock });
  const order: number[] = [];
  const work = (n: number): Promise<unknown> =>
    bulkhead.execute(async () => {
      await clock.sleep(10);
      order.push(n);
    });
  const [first, second, third] = [work(1), work(2), work(3)];
  await assert.rejects(work(4), (error) => codeOf(error) === 'SPILLWAY_BULKHEAD_FULL');
  assert.deepEqual([bulkhead.running, bulkhead.waiting], [2, 1]);
  await settled(clock, Promise.all([first, second, third]));
  assert.deepEqual(order, [1, 2, 3]);
  assert.equal(bulkhead.running, 0);
});

test('who gives up while waiting in a bulkhead leaves no place taken', async () => {
  const clock = new SimulatedClock();
  const bulkhead = createBulkhead({ concurrent: 1, queue: 2 }, { clock });
  const controller = new AbortController();
  const running = bulkhead.execute(() => clock.sleep(10));
  const leaving = bulkhead.execute(() => 'never', { signal: controller.signal });
  const waiting = bulkhead.execute(() => 'ran');
  controller.abort(new Error('gone'));
  await assert.rejects(leaving, /gone/);
  await settled(clock, running);
  assert.equal(await waiting, 'ran');
  assert.equal(bulkhead.running, 0);
});

test('retries after growing pauses, and heeds what errors say about themselves', async () => {
  const clock = new SimulatedClock();
  const retry = createRetry({ attempts: 3, delay: '100ms' }, { clock, random: seededRandom(1) });
  let calls = 0;
  const work = await settled(
    clock,
    retry.execute(() => (++calls < 3 ? Promise.reject(new Error('down')) : 'up')),
  );
  assert.equal(work.value, 'up');
  assert.ok(work.tookMs >= 240 && work.tookMs <= 360, `${work.tookMs}`);
  calls = 0;
  const final = new SpillwayError('SPILLWAY_CLOSED', 'no');
  assert.equal(
    (
      await settled(
        clock,
        retry.execute(() => (calls++, Promise.reject(final))),
      )
    ).error,
    final,
  );
  assert.equal(calls, 1);
  const later = new SpillwayError('SPILLWAY_BREAKER_OPEN', 'open', { retryAfterMs: 700 });
  calls = 0;
  const waited = await settled(
    clock,
    retry.execute(() => (++calls < 2 ? Promise.reject(later) : 'up')),
  );
  assert.deepEqual([waited.value, waited.tookMs], ['up', 700]);
});

test('retries stay within their budget', async () => {
  const clock = new SimulatedClock();
  const budget = createRetryBudget({ share: 0.2, minimum: 3 }, { clock });
  const retry = createRetry({ attempts: 3, delay: '1ms', maxDelay: '1ms', budget }, { clock, random: seededRandom(1) });
  let calls = 0;
  for (let i = 0; i < 100; i++)
    await settled(
      clock,
      retry.execute(() => (calls++, Promise.reject(new Error('down')))),
    );
  assert.equal(calls, 120);
  await clock.advance(11_000);
  calls = 0;
  await settled(
    clock,
    retry.execute(() => (calls++, Promise.reject(new Error('down')))),
  );
  assert.equal(calls, 3, 'the budget is of the last ten seconds');
});

test('a fallback answers instead of an error, but not for a caller who has left', async () => {
  const fallback = createFallback((error) => `stale because ${(error as Error).message}`);
  assert.equal(await fallback.execute(() => Promise.reject(new Error('down'))), 'stale because down');
  assert.equal(await fallback.execute(() => 'fresh'), 'fresh');
  const gone = AbortSignal.abort(new Error('gone'));
  await assert.rejects(
    fallback.execute(() => Promise.reject(new Error('gone')), { signal: gone }),
    /gone/,
  );
});

test('a hedge calls again when the first is slow, takes the faster and lets the other go', async () => {
  const clock = new SimulatedClock();
  const hedge = createHedge({ after: '50ms', share: 1 }, { clock });
  const aborted: number[] = [];
  let calls = 0;
  const work = await settled(
    clock,
    hedge.execute(async (signal) => {
      const n = ++calls;
      signal!.addEventListener('abort', () => aborted.push(n));
      await clock.sleep(n === 1 ? 1000 : 20, signal);
      return n;
    }),
  );
  assert.deepEqual([work.value, work.tookMs, aborted], [2, 70, [1]]);
});

test('a hedge learns what slow is, and adds no more calls than its share', async () => {
  const clock = new SimulatedClock();
  const hedge = createHedge({}, { clock });
  let calls = 0;
  for (let i = 0; i < 1000; i++) {
    await settled(
      clock,
      hedge.execute((signal) => (calls++, clock.sleep(i % 25 === 0 ? 200 : 10 + (i % 7), signal))),
    );
  }
  assert.ok(calls > 1000, 'some were hedged');
  assert.ok(calls <= 1060, `${calls} calls for 1,000`);
});

test('a hedge fails only when both calls do', async () => {
  const clock = new SimulatedClock();
  const hedge = createHedge({ after: '10ms', share: 1 }, { clock });
  let calls = 0;
  const work = await settled(
    clock,
    hedge.execute(async () => {
      const n = ++calls;
      await clock.sleep(n === 1 ? 30 : 5);
      if (n === 2) throw new Error('second');
      return 'first';
    }),
  );
  assert.equal(work.value, 'first');
  assert.match(
    String(
      (
        await settled(
          clock,
          hedge.execute(() => Promise.reject(new Error('down'))),
        )
      ).error,
    ),
    /down/,
  );
});

test('policies wrap each other, the first outermost', async () => {
  const clock = new SimulatedClock();
  const runtime = { clock, random: seededRandom(1) };
  const breaker = createBreaker({ minimumCalls: 2, consecutiveFailures: 0 }, runtime);
  const policy = wrap(
    createFallback(() => 'stale'),
    createRetry({ attempts: 5, delay: '1ms', maxDelay: '10ms' }, runtime),
    breaker,
    createTimeout({ after: '50ms' }, runtime),
  );
  let calls = 0;
  const work = await settled(
    clock,
    policy.execute(() => (calls++, new Promise(() => {}))),
  );
  assert.equal(work.value, 'stale');
  assert.equal(calls, 2, 'the open breaker ended the retries');
  assert.equal(breaker.state, 'open');
});

test('each host and class has a breaker of its own, and their number is bounded', () => {
  const breakers = createBreakers({ consecutiveFailures: 1 }, { clock: new SimulatedClock() });
  const changed: string[] = [];
  breakers.events.on('stateChanged', ({ name, to }) => changed.push(`${name} ${to}`));
  const exports = breakers.for('db', 'exports');
  exports.record(exports.tryAcquire(), 'gatewayError');
  assert.equal(breakers.for('db').state, 'closed');
  for (let i = 0; i < 2000; i++) breakers.for(`host ${i}`);
  assert.equal(breakers.all.length, 1000);
  assert.equal(breakers.for('db', 'exports'), exports, 'an open one is kept');
  assert.deepEqual(changed, ['db exports open']);
});
