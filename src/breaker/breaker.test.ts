import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ConfigError, Metrics, seededRandom, SimulatedClock, SpillwayError } from '../kernel/index.ts';
import { createBreaker, type Breaker, type Outcome } from './breaker.ts';
import type { BreakerOptions } from './options.ts';

function create(options: BreakerOptions = {}) {
  const clock = new SimulatedClock();
  const breaker = createBreaker(options, { clock, random: seededRandom(1) });
  const call = (outcome: Outcome, durationMs = 0): boolean => {
    const ticket = breaker.tryAcquire();
    if (ticket > 0) breaker.record(ticket, outcome, durationMs);
    return ticket > 0;
  };
  return { clock, breaker, call };
}

const times = (n: number, fn: () => unknown): void => {
  for (let i = 0; i < n; i++) fn();
};

test('opens at half the calls failing, and not before there are enough of them', () => {
  const { breaker, call } = create();
  times(9, () => call('success'));
  times(10, () => call('failure'));
  assert.equal(breaker.state, 'closed');
  call('failure');
  assert.equal(breaker.state, 'open');
  assert.equal(call('success'), false);
  assert.ok(breaker.retryAfterMs >= 800 && breaker.retryAfterMs <= 1200);
});

test('opens at five gateway errors in a row, however few calls there were', () => {
  const { breaker, call } = create();
  times(4, () => call('gatewayError'));
  call('success');
  times(4, () => call('gatewayError'));
  assert.equal(breaker.state, 'closed');
  call('gatewayError');
  assert.equal(breaker.state, 'open');
});

test('throttled answers count in the rate only', () => {
  const { breaker, call } = create();
  times(19, () => call('throttled'));
  assert.equal(breaker.state, 'closed');
  call('throttled');
  assert.equal(breaker.state, 'open');
});

test('opens when half the calls are slow', () => {
  const { breaker, call } = create({ slowCall: '500ms' });
  times(10, () => call('success', 10));
  times(10, () => call('success', 500));
  assert.equal(breaker.state, 'open');
});

test('the classic preset: five failures within a minute, half a minute open', async () => {
  const { clock, breaker, call } = create({ preset: 'classic' });
  times(100, () => call('success'));
  times(4, () => call('failure'));
  await clock.advance(66_000);
  call('failure');
  assert.equal(breaker.state, 'closed', 'the first four are out of the window');
  times(4, () => call('failure'));
  assert.equal(breaker.state, 'open');
  await clock.advance(23_000);
  assert.equal(call('success'), false);
  await clock.advance(14_000);
  assert.equal(call('success'), true);
});

test('comes back by trial calls and a growing share', async () => {
  const { clock, breaker, call } = create();
  times(5, () => call('gatewayError'));
  await clock.advance(1300);
  const shares: number[] = [];
  breaker.events.on('shareChanged', ({ share }) => shares.push(share));
  times(5, () => assert.equal(call('success'), true));
  assert.equal(breaker.state, 'half-open');
  const letThrough: number[] = [];
  const isClosed = (): boolean => breaker.state === 'closed';
  for (let second = 0; !isClosed() && second < 10; second++) {
    let admitted = 0;
    for (let i = 0; i < 200; i++) {
      await clock.advance(5);
      if (call('success')) admitted++;
    }
    letThrough.push(admitted);
  }
  assert.deepEqual(shares, [0.1, 0.25, 0.5, 1]);
  assert.equal(breaker.state, 'closed');
  assert.deepEqual(
    letThrough.slice(0, 3),
    letThrough.slice(0, 3).toSorted((a, b) => a - b),
  );
});

test('a failed trial opens again, twice as long', async () => {
  const { clock, breaker, call } = create();
  times(5, () => call('gatewayError'));
  await clock.advance(1300);
  call('failure');
  assert.equal(breaker.state, 'open');
  assert.ok(breaker.retryAfterMs >= 1600 && breaker.retryAfterMs <= 2400);
});

test("stays open as long as the dependency's Retry-After asks, within bounds", () => {
  const { breaker } = create();
  times(5, () => breaker.record(breaker.tryAcquire(), 'gatewayError', 0, 90_000));
  assert.equal(breaker.retryAfterMs, 90_000);
});

test('late answers change nothing', async () => {
  const { clock, breaker, call } = create();
  const late = Array.from({ length: 10 }, () => breaker.tryAcquire());
  times(5, () => call('gatewayError'));
  await clock.advance(1300);
  call('success');
  for (const ticket of late) breaker.record(ticket, 'gatewayError');
  assert.equal(breaker.state, 'half-open');
});

test('trial calls that are never reported do not block it for ever', async () => {
  const { clock, breaker, call } = create();
  times(5, () => call('gatewayError'));
  await clock.advance(1300);
  times(10, () => assert.ok(breaker.tryAcquire() > 0));
  assert.equal(breaker.tryAcquire(), 0);
  await clock.advance(60_000);
  assert.ok(breaker.tryAcquire() > 0);
});

test('a dependency that fails above 30 % of the load is given what it can take, and never pushed past it', async () => {
  const { clock, breaker } = create();
  const perSecond = 1000;
  const capacity = 300;
  /** Admitted in each of the last 100 ms. */
  const lately: number[] = [];
  const bySecond: number[] = [];
  let healthy = false;
  for (let ms = 0; ms < 120_000; ms++) {
    if (ms === 5000) healthy = true;
    await tick(clock);
    const ticket = breaker.tryAcquire();
    const load = lately.reduce((sum, n) => sum + n, 0);
    lately.push(ticket > 0 ? 1 : 0);
    if (lately.length > 100) lately.shift();
    if (ticket > 0) breaker.record(ticket, healthy && load <= capacity / 10 ? 'success' : 'gatewayError');
    const second = Math.floor(ms / 1000);
    bySecond[second] = (bySecond[second] ?? 0) + (ticket > 0 ? perSecond / 1000 : 0);
  }
  const recovered = bySecond.slice(5);
  assert.ok(Math.max(...recovered) <= capacity, `at most ${capacity} a second, not ${Math.max(...recovered)}`);
  const settled = bySecond.slice(60);
  assert.ok(settled.reduce((sum, n) => sum + n, 0) / settled.length >= 0.6 * capacity, `given too little: ${settled.join(' ')}`);
});

test('isolated refuses everything until enabled by hand', async () => {
  const { clock, breaker, call } = create();
  breaker.isolate();
  assert.equal(breaker.state, 'isolated');
  await clock.advance(3_600_000);
  assert.equal(call('success'), false);
  breaker.enable();
  assert.equal(call('success'), true);
});

test('disabled lets everything through; metricsOnly too, but reports', () => {
  const disabled = create({ mode: 'disabled' });
  times(50, () => assert.equal(disabled.call('gatewayError'), true));
  assert.equal(disabled.breaker.state, 'closed');
  const watching = create({ mode: 'metricsOnly' });
  times(50, () => assert.equal(watching.call('gatewayError'), true));
  assert.equal(watching.breaker.state, 'open');
});

test('execute passes values and errors through and refuses with an error that says when to come back', async () => {
  const { breaker } = create({ consecutiveFailures: 0, minimumCalls: 2 });
  assert.equal(await breaker.execute(() => Promise.resolve(7)), 7);
  await assert.rejects(
    breaker.execute(() => Promise.reject(new Error('down'))),
    /down/,
  );
  await assert.rejects(
    breaker.execute(() => 1),
    (error) => error instanceof SpillwayError && error.code === 'SPILLWAY_BREAKER_OPEN' && error.retryAfterMs! > 0,
  );
});

test('a call its caller has given up says nothing about the dependency', async () => {
  const { breaker } = create({ minimumCalls: 1 });
  const controller = new AbortController();
  await assert.rejects(
    breaker.execute(
      () => {
        controller.abort(new Error('gone'));
        throw new Error('gone');
      },
      { signal: controller.signal },
    ),
  );
  assert.equal(breaker.state, 'closed');
});

test('no sequence of calls, failures and waits drives a breaker into a state it cannot leave', async () => {
  const action = fc.oneof(
    fc.record({
      kind: fc.constant('call' as const),
      outcome: fc.constantFrom<Outcome>('success', 'failure', 'gatewayError', 'throttled'),
    }),
    fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(3000) }),
    fc.record({ kind: fc.constant('lose' as const) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(action, { maxLength: 80 }), async (actions) => {
      const { breaker, call, advance } = withFreeClock();
      for (const each of actions) {
        if (each.kind === 'wait') advance(each.ms);
        else if (each.kind === 'call') call(each.outcome);
        else breaker.tryAcquire();
      }
      for (let i = 0; i < 5000 && breaker.state !== 'closed'; i++) {
        advance(100);
        call('success');
      }
      assert.equal(breaker.state, 'closed');
    }),
    { numRuns: 300 },
  );
});

test('wrong options name their fix', () => {
  assert.throws(
    () => createBreaker({ failureRat: 0.5 } as never),
    (error) => error instanceof ConfigError && /failureRate/.test(error.message),
  );
});

test('refusals and openings are counted', () => {
  const metrics = new Metrics();
  const breaker = createBreaker({ name: 'db' }, { clock: new SimulatedClock(), metrics });
  times(5, () => breaker.record(breaker.tryAcquire(), 'gatewayError'));
  times(3, () => breaker.tryAcquire());
  const value = (name: string): number | undefined =>
    metrics
      .snapshot()
      .families.find((family) => family.name === name)!
      .series.find((series) => series.labels['dependency'] === 'db')!.value;
  assert.equal(value('spillway_breaker_opened'), 1);
  assert.equal(value('spillway_breaker_refused'), 3);
});

/** A breaker on a clock that moves by assignment, for many short runs. */
function withFreeClock(): { breaker: Breaker; call: (outcome: Outcome) => void; advance: (ms: number) => void } {
  let nowMs = 0;
  const clock = new (class extends SimulatedClock {
    override monotonic(): number {
      return nowMs;
    }
  })();
  const breaker = createBreaker({}, { clock, random: seededRandom(2) });
  return {
    breaker,
    call: (outcome) => {
      const ticket = breaker.tryAcquire();
      if (ticket > 0) breaker.record(ticket, outcome);
    },
    advance: (ms) => void (nowMs += ms),
  };
}

function tick(clock: SimulatedClock): Promise<void> {
  return clock.advance(1);
}
