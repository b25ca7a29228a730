import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigError, Metrics, SimulatedClock } from '../kernel/index.ts';
import { createLimiter } from './limit.ts';

test('allows the limit, then refuses until the window has passed', async () => {
  const clock = new SimulatedClock();
  const limiter = createLimiter({ limit: 3, window: '1m' }, { clock });
  assert.deepEqual(
    [1, 2, 3].map(() => limiter.check('a').remaining),
    [2, 1, 0],
  );
  const refusal = limiter.check('a');
  assert.equal(refusal.allowed, false);
  assert.equal(refusal.reason, 'quota');
  assert.deepEqual(refusal.violated, ['3-per-1m']);
  await clock.advance(refusal.retryAfterMs);
  assert.equal(limiter.check('a').allowed, true);
});

test('a time that is handed in is gone by, but never back, nor far ahead of the clock', async () => {
  const clock = new SimulatedClock();
  const limiter = createLimiter({ limit: 1, window: '10s', buckets: 10 }, { clock });
  const allowedAt = (nowMs: number): boolean => limiter.check('a', { nowMs }).allowed;
  assert.equal(limiter.check('a').allowed, true);
  assert.equal(allowedAt(900), false);
  assert.equal(allowedAt(-1e9), false);
  assert.equal(allowedAt(Number.NaN), false);
  assert.equal(allowedAt(60_000), false, 'the clock says otherwise');
  await clock.advance(12_000);
  assert.equal(allowedAt(5000), false);
  assert.equal(allowedAt(11_999), true);
  assert.equal(limiter.peek('a').resetMs, 10_000);
});

test('a burst at the end of one window and the start of the next stays within the limit', async () => {
  const clock = new SimulatedClock();
  const limiter = createLimiter({ limit: 100, window: '1s' }, { clock });
  await clock.advance(990);
  let admitted = 0;
  for (let i = 0; i < 200; i++) if (limiter.check('a').allowed) admitted++;
  await clock.advance(20);
  for (let i = 0; i < 200; i++) if (limiter.check('a').allowed) admitted++;
  assert.equal(admitted, 100);
});

test('a refused request counts for none of the limits', () => {
  const limiter = createLimiter(
    {
      limits: [
        { limit: 10, window: '1m' },
        { limit: 2, window: '1s' },
      ],
    },
    { clock: new SimulatedClock() },
  );
  limiter.check('a');
  limiter.check('a');
  const refusal = limiter.check('a');
  assert.equal(refusal.allowed, false);
  assert.equal(refusal.policy, '2-per-1s');
  assert.deepEqual(
    refusal.states.map((state) => state.remaining),
    [8, 0],
  );
});

test('a cost above the limit can never succeed and says so', () => {
  const limiter = createLimiter({ limit: 10, window: '1m' }, { clock: new SimulatedClock() });
  assert.equal(limiter.check('a', { cost: 11 }).retryAfterMs, Infinity);
  assert.equal(limiter.check('a', { cost: 10 }).allowed, true);
});

test('each part of the subject has a count of its own, and a missing one falls back to the address', () => {
  const limiter = createLimiter({ limit: 1, window: '1m', by: 'apiKey' }, { clock: new SimulatedClock() });
  const ip = '192.0.2.1';
  assert.equal(limiter.check({ ip, apiKey: 'k1' }).allowed, true);
  assert.equal(limiter.check({ ip, apiKey: 'k1' }).allowed, false);
  assert.equal(limiter.check({ ip, apiKey: 'k2' }).allowed, true);
  assert.equal(limiter.check({ ip }).allowed, true);
  assert.equal(limiter.check({ ip }).allowed, false);
  assert.equal(limiter.check({ ip, apiKey: `ip:${ip}` }).allowed, true);
  assert.equal(limiter.check({}).reason, 'exempt');
});

test('IPv6 addresses of one /56 count as one client; a longer prefix tells them apart', () => {
  const limiter = createLimiter({ limit: 1, window: '1m' }, { clock: new SimulatedClock() });
  assert.equal(limiter.check({ ip: '2001:db8:0:12::1' }).allowed, true);
  assert.equal(limiter.check({ ip: '2001:db8:0:1f::1' }).allowed, false);
  assert.equal(limiter.check({ ip: '2001:db8:0:100::1' }).allowed, true);
  assert.equal(limiter.check({ ip: '::ffff:192.0.2.7' }).allowed, true);
  assert.equal(limiter.check({ ip: '192.0.2.7' }).allowed, false);
  const finer = createLimiter({ limit: 1, window: '1m', ipv6Prefix: 64 }, { clock: new SimulatedClock() });
  assert.equal(finer.check({ ip: '2001:db8:0:12::1' }).allowed, true);
  assert.equal(finer.check({ ip: '2001:db8:0:1f::1' }).allowed, true);
});

test('lists come before limits, and denying before allowing', () => {
  const limiter = createLimiter(
    { limit: 1, window: '1m', allow: ['10.0.0.0/8', 'user:root'], deny: ['10.6.6.6', 'key:stolen'] },
    { clock: new SimulatedClock() },
  );
  for (let i = 0; i < 3; i++) assert.equal(limiter.check({ ip: '10.1.1.1' }).reason, 'allowListed');
  assert.equal(limiter.check({ ip: '192.0.2.1', user: 'root' }).reason, 'allowListed');
  assert.equal(limiter.check({ ip: '10.6.6.6' }).reason, 'denied');
  assert.equal(limiter.check({ ip: '10.1.1.1', apiKey: 'stolen' }).allowed, false);
});

test('tiers multiply limits', () => {
  const limiter = createLimiter({ limit: 2, window: '1m', tiers: { premium: 3, free: 0.1 } }, { clock: new SimulatedClock() });
  const admitted = (subject: { ip: string; tier?: string }): number =>
    Array.from({ length: 20 }, () => limiter.check(subject)).filter((decision) => decision.allowed).length;
  assert.equal(admitted({ ip: '1.1.1.1', tier: 'premium' }), 6);
  assert.equal(admitted({ ip: '1.1.1.2', tier: 'free' }), 1);
  assert.equal(admitted({ ip: '1.1.1.3', tier: 'unheard-of' }), 2);
});

test('shadow mode lets through what it would refuse, and reports it', () => {
  const metrics = new Metrics();
  const limiter = createLimiter({ limit: 1, window: '1m', shadow: true }, { clock: new SimulatedClock(), metrics });
  const refused: string[] = [];
  limiter.events.on('refused', (event) => refused.push(`${event.key} ${event.shadow}`));
  limiter.check({ ip: '192.0.2.1' });
  assert.deepEqual(
    [limiter.check({ ip: '192.0.2.1' })].map(({ allowed, reason }) => [allowed, reason]),
    [[true, 'shadow']],
  );
  assert.deepEqual(refused, ['192.0.2.1 true']);
});

test('a refund by subject gives back what would have run out first', async () => {
  const clock = new SimulatedClock();
  const limiter = createLimiter({ limit: 2, window: '1s', buckets: 10 }, { clock });
  limiter.check('a');
  await clock.advance(500);
  limiter.check('a');
  await limiter.refund('a');
  limiter.check('a');
  await clock.advance(600);
  assert.equal(await limiter.getRemainingRequests('a'), 0, 'both units of the second half still count');
});

test('when more keys come than maxKeys, the least used are forgotten and those near the limit are not', () => {
  const clock = new SimulatedClock();
  const metrics = new Metrics();
  const limiter = createLimiter({ limit: 50, window: '1h', maxKeys: 1000 }, { clock, metrics });
  for (let i = 0; i < 50; i++) limiter.check('attacker');
  for (let i = 0; i < 20_000; i++) limiter.check(`passer-by ${i}`);
  assert.equal(limiter.check('attacker').allowed, false);
  const value = (name: string): number => metrics.snapshot().families.find((family) => family.name === name)!.series[0]!.value!;
  assert.equal(value('spillway_limit_keys'), 1000);
  assert.equal(value('spillway_limit_forgotten_keys'), 19_001);
});

test('keys whose counts have run out make room without being forgotten', async () => {
  const clock = new SimulatedClock();
  const metrics = new Metrics();
  const limiter = createLimiter({ limit: 5, window: '1s', maxKeys: 1000 }, { clock, metrics });
  for (let round = 0; round < 20; round++) {
    for (let i = 0; i < 500; i++) limiter.check(`${round} ${i}`);
    await clock.advance(2000);
  }
  const families = metrics.snapshot().families;
  assert.equal(families.find((family) => family.name === 'spillway_limit_forgotten_keys')!.series[0]!.value, 0);
});

test('a preset can be overridden in part', () => {
  assert.deepEqual(
    createLimiter({ preset: 'site', burst: 50 }).rules.map(({ limit, windowMs, algorithm, burst }) => ({
      limit,
      windowMs,
      algorithm,
      burst,
    })),
    [{ limit: 100, windowMs: 1000, algorithm: 'smooth', burst: 50 }],
  );
  assert.equal(createLimiter({ preset: 'strict' }).rules[0]!.limit, 10);
});

test('wrong options are refused with their fix', () => {
  const wrong: [object, RegExp][] = [
    [{ limit: 10, windw: '1m' }, /did you mean 'window'/],
    [{ limit: 10, window: 60_000 }, /60000 is not a duration/],
    [{ limit: 10 }, /window/],
    [{}, /a limit is missing/],
    [{ limit: 10, window: '1m', limits: [{ limit: 1, window: '1s' }] }, /not both/],
    [{ limit: 10, window: '1m', burst: 3 }, /only the algorithm 'smooth' has a burst/],
    [{ limit: 10, window: '1m', allow: ['office'] }, /office is neither an address/],
    [{ preset: 'strickt' }, /did you mean 'strict'/],
  ];
  for (const [options, message] of wrong) {
    assert.throws(
      () => createLimiter(options as never),
      (error) => error instanceof ConfigError && message.test(error.message),
      String(message),
    );
  }
});

test('a cost that is no whole number is refused as an error, and counts nothing', async () => {
  const limiter = createLimiter({ limit: 10, window: '1m' }, { clock: new SimulatedClock() });
  for (const cost of [-1, 0.5, Number.NaN, Infinity]) assert.throws(() => limiter.check('a', { cost }), /whole number/);
  assert.equal(await limiter.getRemainingRequests('a'), 10);
});
