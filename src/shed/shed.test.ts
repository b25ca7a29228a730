import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ConfigError, Metrics, seededRandom, SimulatedClock } from '../kernel/index.ts';
import { PRIORITIES, type Priority } from '../policy/index.ts';
import type { ShedderOptions } from './options.ts';
import { shedRefusalOf } from './refusal.ts';
import { createShedder, type Admission, type Shedder } from './shed.ts';

/** Moves by assignment: a turn of the loop takes as long as the test says. */
class FreeClock extends SimulatedClock {
  nowMs = 1000;
  override monotonic(): number {
    return this.nowMs;
  }
}

/** A shedder on a loop of the test's own: `turn(ms)` is a turn of the loop that takes that long. */
class Loop {
  readonly #clock = new FreeClock();
  readonly metrics = new Metrics();
  readonly shedder: Shedder;
  #atTurnEnd: (() => void)[] = [];
  #idleMs = 0;

  constructor(options: ShedderOptions = {}) {
    const runtime = { clock: this.#clock, random: seededRandom(1), metrics: this.metrics };
    this.shedder = createShedder(options, runtime, {
      afterTurn: (fn) => this.#atTurnEnd.push(fn),
      idleMs: () => this.#idleMs,
    });
  }

  get nowMs(): number {
    return this.#clock.nowMs;
  }

  set nowMs(ms: number) {
    this.#clock.nowMs = ms;
  }

  admit(priority: Priority, more: { user?: string; tier?: string } = {}): Admission {
    return this.shedder.admit({ priority, className: priority, ...more });
  }

  endTurn(): void {
    const ended = this.#atTurnEnd;
    this.#atTurnEnd = [];
    for (const fn of ended) fn();
  }

  idle(ms: number): void {
    this.endTurn();
    this.nowMs += ms;
    this.#idleMs += ms;
  }
}

const admittedOf = (loop: Loop): Priority[] => PRIORITIES.filter((priority) => loop.admit(priority).admitted);

test('an idle process admits everything', () => {
  const loop = new Loop();
  for (let i = 0; i < 1000; i++) {
    assert.equal(admittedOf(loop).length, 5);
    loop.idle(5);
  }
  assert.equal(loop.shedder.level, 640);
});

test('the longer a turn of the loop takes, the more deserving work must be to be admitted in it', () => {
  const loop = new Loop();
  loop.admit('normal');
  const after = (ms: number): Priority[] => {
    loop.nowMs = 1000 + ms;
    return admittedOf(loop);
  };
  assert.deepEqual(after(29), ['critical', 'high', 'normal', 'low', 'background']);
  assert.deepEqual(after(31), ['critical', 'high', 'normal', 'low']);
  assert.deepEqual(after(61), ['critical', 'high', 'normal']);
  assert.deepEqual(after(121), ['critical', 'high']);
  assert.deepEqual(after(301), ['critical']);
  assert.deepEqual(after(601), []);
});

test('a burst may wait twice as long as a queue that stands', () => {
  const loop = new Loop({ window: '10s' });
  const admittedAfterTurnOf = (ms: number): boolean => {
    for (const half of [ms / 2, ms / 2]) {
      loop.admit('critical');
      loop.nowMs += half;
    }
    loop.endTurn();
    return loop.admit('normal').admitted;
  };
  loop.admit('normal');
  assert.deepEqual([140, 140].map(admittedAfterTurnOf), [false, false], 'for a tenth of a second all had waited');
  assert.equal(admittedAfterTurnOf(100), true);
  loop.nowMs += 40;
  assert.equal(loop.admit('normal').admitted, true, 'one that had not waited too long shows that none stands');
  loop.nowMs += 31;
  assert.equal(loop.admit('normal').admitted, false);
});

test('what is read first in a turn has waited for half of the turn before; after a pause it has not', () => {
  const loop = new Loop({ window: '10s' });
  loop.admit('normal');
  loop.nowMs += 260;
  loop.endTurn();
  assert.equal(loop.admit('normal').value, 130);
  loop.idle(10);
  assert.equal(loop.admit('normal').admitted, true);
});

test('a refusal says why: signal, value, threshold, and when to come back', () => {
  const loop = new Loop({ window: '10s' });
  const events: object[] = [];
  loop.shedder.events.on('refused', (event) => events.push(event));
  loop.admit('normal');
  loop.nowMs += 125;
  const refusal = loop.admit('normal');
  assert.deepEqual(
    { ...refusal, retryAfterMs: 0 },
    { admitted: false, reason: 'queueDelay', level: 640, value: 125, threshold: 60, retryAfterMs: 0 },
  );
  assert.ok(refusal.retryAfterMs >= 1000 && refusal.retryAfterMs <= 3000);
  assert.deepEqual(events, [
    { className: 'normal', priority: 'normal', reason: 'queueDelay', value: 125, threshold: 60, shadow: false },
  ]);
  const { status, headers } = shedRefusalOf(refusal);
  assert.equal(status, 503);
  assert.ok(['1', '2', '3'].includes(Object.fromEntries(headers)['retry-after']!));
  const families = loop.metrics.snapshot().families;
  const refused = families.find((family) => family.name === 'spillway_shed_refused')!.series[0]!;
  assert.deepEqual([refused.labels, refused.value], [{ class: 'normal', reason: 'queueDelay' }, 1]);
});

/** One window of requests that each wait `delayMs`: lasting load, not a sudden one. */
function window(loop: Loop, delayMs: number, requests = 100): Priority[] {
  const admitted: Priority[] = [];
  if (delayMs < 50) loop.idle(5);
  else loop.endTurn();
  loop.admit('critical');
  loop.nowMs += delayMs;
  for (let i = 0; i < requests; i++) {
    const priority = PRIORITIES[i % 5]!;
    if (loop.admit(priority, { user: `user ${i}` }).admitted) admitted.push(priority);
  }
  loop.nowMs += 100 - delayMs;
  loop.admit('critical');
  return admitted;
}

test('lasting load lowers the level from the least deserving up, and a calm loop raises it again soon', () => {
  const loop = new Loop();
  const before = window(loop, 25);
  for (let i = 0; i < 40; i++) window(loop, 80);
  loop.idle(5);
  const during = window(loop, 25);
  const count = (admitted: Priority[], priority: Priority): number => admitted.filter((one) => one === priority).length;
  assert.equal(count(during, 'background'), 0);
  assert.equal(count(during, 'low'), 0);
  assert.ok(count(during, 'normal') < count(before, 'normal'));
  assert.equal(count(during, 'high'), 20, 'they were within what high may wait');
  assert.equal(count(during, 'critical'), 20);
  let windows = 0;
  while (loop.shedder.level < 640) {
    for (let i = 0; i < 10; i++) {
      loop.idle(10);
      admittedOf(loop);
    }
    assert.ok(++windows < 10, 'within a second');
  }
});

test('within a priority the tiers at the end of the list are refused first', () => {
  const loop = new Loop({ tiers: ['premium', 'basic', 'free'] });
  const served = { premium: 0, basic: 0, free: 0 };
  for (let i = 0; i < 10; i++) {
    loop.idle(5);
    loop.admit('critical');
    loop.nowMs += 20;
    for (let user = 0; user < 90; user++) {
      const tier = (['premium', 'basic', 'free'] as const)[user % 3]!;
      if (loop.admit('normal', { user: `${user}`, tier }).admitted && i > 0) served[tier]++;
      loop.nowMs += user === 60 ? 121 : 0;
    }
    loop.nowMs += 40;
  }
  assert.ok(served.premium > served.basic && served.basic > served.free, JSON.stringify(served));
});

test('a loop that hardly has anything to do admits whoever comes, whatever the level', () => {
  const loop = new Loop();
  for (let i = 0; i < 40; i++) window(loop, 80);
  assert.ok(loop.shedder.level < 384);
  loop.idle(5);
  assert.equal(admittedOf(loop).length, 5);
  loop.nowMs += 14;
  assert.equal(loop.admit('normal', { user: 'someone' }).admitted, true);
});

test('a user keeps the same fate within an hour', () => {
  const loop = new Loop();
  for (let i = 0; i < 3; i++) window(loop, 80);
  loop.idle(5);
  loop.admit('critical');
  loop.nowMs += 20;
  const first = Array.from({ length: 50 }, (_, i) => loop.admit('normal', { user: `u${i}` }).admitted);
  const again = Array.from({ length: 50 }, (_, i) => loop.admit('normal', { user: `u${i}` }).admitted);
  assert.deepEqual(first, again);
});

test('reported signals refuse by priority, until they run out', () => {
  const loop = new Loop({ signals: { diskWaitMs: { background: 10, low: 20 } } });
  const admitted = (): Priority[] => {
    loop.idle(5);
    return admittedOf(loop);
  };
  loop.shedder.report('health', 1);
  assert.deepEqual(admitted(), ['critical', 'high', 'normal', 'low']);
  loop.shedder.report('health', 2);
  assert.deepEqual(admitted(), ['critical', 'high', 'normal']);
  loop.shedder.report('memory', 0.97);
  assert.deepEqual(admitted(), ['critical']);
  assert.equal(loop.admit('high').reason, 'memory');
  loop.shedder.report('health', 0);
  loop.shedder.report('memory', 0.1);
  loop.shedder.report('diskWaitMs', 20);
  assert.deepEqual(admitted(), ['critical', 'high', 'normal']);
  loop.nowMs += 10_001;
  assert.equal(admitted().length, 5);
  assert.throws(() => loop.shedder.report('helth', 1), /did you mean 'health'/);
});

test('at no moment is critical work refused while lesser work is admitted', () => {
  const action = fc.oneof(
    fc.record({
      kind: fc.constant('admit' as const),
      priority: fc.constantFrom(...PRIORITIES),
      times: fc.integer({ min: 1, max: 60 }),
    }),
    fc.record({ kind: fc.constant('run' as const), ms: fc.nat(200) }),
    fc.record({ kind: fc.constant('end' as const), ms: fc.nat(30) }),
    fc.record({
      kind: fc.constant('report' as const),
      signal: fc.constantFrom('health', 'memory', 'poolWaitMs'),
      value: fc.float({ min: 0, max: 3000, noNaN: true }),
    }),
  );
  fc.assert(
    fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
      const loop = new Loop();
      for (const each of actions) {
        if (each.kind === 'run') loop.nowMs += each.ms;
        else if (each.kind === 'end') loop.idle(each.ms);
        else if (each.kind === 'report') loop.shedder.report(each.signal, each.value);
        else for (let i = 0; i < each.times; i++) loop.admit(each.priority, { user: `${i}` });
        // The first call may end a window and move the level, so it does not count.
        loop.admit('critical');
        const verdicts = PRIORITIES.map((priority) => loop.admit(priority, { user: 'someone' }).admitted);
        const firstRefused = verdicts.indexOf(false);
        assert.ok(firstRefused < 0 || !verdicts.slice(firstRefused).includes(true), verdicts.join(' '));
      }
    }),
    { numRuns: 2000 },
  );
});

test('shadow mode refuses nobody', () => {
  const loop = new Loop({ shadow: true });
  loop.admit('normal');
  loop.nowMs += 700;
  let reported = 0;
  loop.shedder.events.on('refused', ({ shadow }) => (reported += shadow ? 1 : 0));
  assert.equal(admittedOf(loop).length, 5);
  assert.equal(reported, 5);
});

test('thresholds that would refuse more deserving work first are refused themselves', () => {
  assert.throws(
    () => createShedder({ maxWait: { critical: '10ms' } }, { clock: new SimulatedClock() }),
    (error) => error instanceof ConfigError && /lesser work must be refused first/.test(error.message),
  );
});

test('a closed shedder leaves no timer behind', () => {
  const clock = new SimulatedClock();
  const shedder = createShedder({}, { clock });
  shedder.close();
  assert.equal(clock.pendingTimers, 0);
});
