import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigError, seededRandom, SimulatedClock, SpillwayError } from '../kernel/index.ts';
import { createThrottle, type ThrottleOptions } from './throttle.ts';

/** A dependency that accepts `perSecond` calls and refuses the rest, called `load` times a second for `seconds`. */
async function run(load: number, perSecond: number, seconds: number, options: ThrottleOptions = {}) {
  const clock = new SimulatedClock();
  const throttle = createThrottle(options, { clock, random: seededRandom(3) });
  let [sent, accepted, keptBack, room] = [0, 0, 0, 0];
  const call = (): { status: number } => {
    sent++;
    if (room-- <= 0) return { status: 503 };
    accepted++;
    return { status: 200 };
  };
  for (let second = 0; second < seconds; second++) {
    room = perSecond;
    for (let i = 0; i < load; i++) {
      await throttle.execute(call).catch((error: SpillwayError) => {
        assert.equal(error.code, 'SPILLWAY_THROTTLED');
        keptBack++;
      });
    }
    await clock.advance(1000);
  }
  return { throttle, clock, sent, accepted, keptBack };
}

test('a dependency that accepts all it is asked is asked all', async () => {
  const { keptBack } = await run(100, 100, 30);
  assert.equal(keptBack, 0);
});

test('one that refuses nine in ten is sent about twice what it accepts', async () => {
  const { sent, accepted } = await run(500, 50, 240);
  assert.ok(accepted > 0.95 * 50 * 240, `${accepted} accepted`);
  assert.ok(sent < 2.6 * accepted, `${sent} sent for ${accepted} accepted`);
});

test('it sends everything again soon after the dependency has recovered', async () => {
  const { throttle, clock } = await run(100, 0, 60, { window: '10s' });
  assert.equal(throttle.share, 0.9);
  let passed = 0;
  for (let i = 0; i < 2000; i++) {
    await throttle
      .execute(() => ({ status: 200 }))
      .then(
        () => passed++,
        () => {},
      );
    await clock.advance(10);
  }
  assert.equal(throttle.share, 0);
  assert.ok(passed > 800, `${passed} of 2000 within 20 s`);
});

test('what counts as a refusal: statuses, errors that say so, or what the caller says', async () => {
  const share = async (fail: () => unknown, options: ThrottleOptions = {}): Promise<number> => {
    const throttle = createThrottle(options, { clock: new SimulatedClock(), random: { next: () => 0.99 } });
    for (let i = 0; i < 50; i++) await throttle.execute(async () => fail()).catch(() => {});
    return throttle.share;
  };
  const throws = (error: unknown) => (): never => {
    throw error;
  };
  assert.ok((await share(() => ({ statusCode: 429 }))) === 0.9);
  assert.ok((await share(throws(Object.assign(new Error('busy'), { status: 503 })))) === 0.9);
  assert.ok((await share(throws(new SpillwayError('SPILLWAY_SHED', 'busy')))) === 0.9);
  assert.equal(await share(throws(new Error('a fault is no refusal'))), 0);
  assert.equal(await share(() => undefined), 0);
  assert.ok((await share(throws(new Error('BUSY')), { isRefusal: (outcome) => /BUSY/.test(String(outcome)) })) === 0.9);
  assert.throws(() => createThrottle({ factor: 0.5 }), ConfigError);
});

test('a call whose caller gave up says nothing', async () => {
  const throttle = createThrottle({}, { clock: new SimulatedClock() });
  const signal = AbortSignal.abort(new Error('gone'));
  for (let i = 0; i < 20; i++)
    await throttle.execute(() => Promise.reject(new SpillwayError('SPILLWAY_SHED', 'x')), { signal }).catch(() => {});
  assert.equal(throttle.share, 0);
});
