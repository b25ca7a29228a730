import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom, SimulatedClock } from '../kernel/index.ts';
import type { Priority } from '../policy/index.ts';
import { createAdaptiveConcurrency, type AdaptiveConcurrencyOptions } from './adaptive-concurrency.ts';
import { Correlation } from './correlation.ts';

/** A service with `servers` places; work takes `serviceMs` in one and queues for it before. */
class Service {
  readonly #clock: SimulatedClock;
  readonly #freeAtMs: number[];
  serviceMs: () => number;

  constructor(clock: SimulatedClock, servers: number, serviceMs: () => number) {
    this.#clock = clock;
    this.#freeAtMs = Array.from({ length: servers }, () => 0);
    this.serviceMs = serviceMs;
  }

  async work(): Promise<void> {
    const nowMs = this.#clock.monotonic();
    const place = this.#freeAtMs.indexOf(Math.min(...this.#freeAtMs));
    const endMs = Math.max(nowMs, this.#freeAtMs[place]!) + this.serviceMs();
    this.#freeAtMs[place] = endMs;
    await this.#clock.sleep(endMs - nowMs);
  }
}

interface Load {
  readonly perSecond: number;
  readonly seconds: number;
  readonly options?: AdaptiveConcurrencyOptions;
  readonly serviceMs?: (random: () => number) => () => number;
}

async function run({ perSecond, seconds, options = {}, serviceMs = () => () => 40 }: Load) {
  const clock = new SimulatedClock();
  const random = seededRandom(7);
  const service = new Service(
    clock,
    10,
    serviceMs(() => random.next()),
  );
  const limiter = createAdaptiveConcurrency(options, { clock });
  const tookMs: number[] = [];
  const limits: number[] = [];
  let refused = 0;
  for (let i = 0; i < perSecond * seconds; i++) {
    await clock.advance((1000 / perSecond) * 2 * random.next());
    if (i % perSecond === 0) limits.push(limiter.limit);
    if (!limiter.tryAcquire()) {
      refused++;
      continue;
    }
    const startMs = clock.monotonic();
    void service.work().then(() => {
      tookMs.push(clock.monotonic() - startMs);
      limiter.release(clock.monotonic() - startMs);
    });
  }
  return { limiter, tookMs, limits, refused };
}

test('under three times its load a service stays quick, and busy', async () => {
  const { tookMs, limits } = await run({ perSecond: 750, seconds: 25 });
  const late = tookMs.slice(Math.floor(tookMs.length / 2)).toSorted((a, b) => a - b);
  const p90 = late[Math.floor(late.length * 0.9)]!;
  assert.ok(p90 < 140, `nine in ten within 140 ms, not ${p90}; limits ${limits.join(' ')}`);
  assert.ok(tookMs.length > 25 * 250 * 0.9, `${tookMs.length} done of ${25 * 250} possible`);
});

test('within its load hardly anything is refused', async () => {
  const { refused, tookMs } = await run({ perSecond: 200, seconds: 20 });
  assert.ok(refused < 0.01 * tookMs.length, `${refused} refused`);
});

test('work that takes long for its own reasons is not mistaken for a queue', async () => {
  const uneven = (random: () => number) => () => (random() < 0.15 ? 200 : 10);
  const { refused, tookMs, limits } = await run({ perSecond: 180, seconds: 30, serviceMs: uneven });
  assert.ok(refused < 0.03 * tookMs.length, `${refused} refused; limits ${limits.join(' ')}`);
});

test('whoever waits is served by priority and by deadline', async () => {
  const clock = new SimulatedClock();
  const limiter = createAdaptiveConcurrency({ initial: 1, max: 1, queue: 3 }, { clock });
  assert.equal(await limiter.acquire(), true);
  const order: string[] = [];
  const come = (name: string, priority: Priority, deadlineMs = 1000): void =>
    void limiter.acquire(priority, deadlineMs).then((admitted) => order.push(`${name} ${admitted ? 'in' : 'out'}`));
  come('low', 'low');
  come('normal', 'normal');
  come('hasty', 'high', 20);
  come('critical', 'critical');
  await clock.advance(50);
  assert.deepEqual(order, ['low out', 'hasty out'], 'room was made, and one could not wait');
  limiter.release(10);
  await clock.advance(1);
  limiter.release(10);
  await clock.advance(1);
  assert.deepEqual(order.slice(2), ['critical in', 'normal in']);
  assert.equal(limiter.waiting, 0);
});

test('what would be too late anyway is refused at once', async () => {
  const clock = new SimulatedClock();
  const limiter = createAdaptiveConcurrency({ initial: 1, max: 1, queue: 100, windowSamples: 1, window: '10ms' }, { clock });
  await limiter.acquire();
  await clock.advance(300);
  limiter.release(300);
  await limiter.acquire();
  assert.equal(await limiter.acquire('normal', 200), false);
  const controller = new AbortController();
  const waiting = limiter.acquire('normal', 900, controller.signal);
  controller.abort();
  assert.equal(await waiting, false);
});

test('a standing line serves the newest first', async () => {
  const clock = new SimulatedClock();
  const limiter = createAdaptiveConcurrency({ initial: 1, max: 1, queue: 10 }, { clock });
  await limiter.acquire();
  const order: string[] = [];
  for (const name of ['first', 'second', 'third']) {
    void limiter.acquire().then((admitted) => admitted && order.push(name));
    await clock.advance(60);
  }
  limiter.release(180);
  await clock.advance(1);
  assert.deepEqual(order, ['third']);
});

test('a drop downstream lowers the limit', async () => {
  const clock = new SimulatedClock();
  const limiter = createAdaptiveConcurrency({ initial: 50 }, { clock });
  for (let i = 0; i < 40; i++) limiter.tryAcquire();
  await clock.advance(300);
  for (let i = 0; i < 40; i++) limiter.release(10, 'dropped');
  assert.ok(limiter.limit < 50);
});

test('correlation', () => {
  const together = new Correlation(10);
  const apart = new Correlation(10);
  for (let i = 0; i < 30; i++) {
    together.add(i, 2 * i + 1);
    apart.add(i, -i);
  }
  assert.ok(Math.abs(together.coefficient - 1) < 1e-9);
  assert.ok(Math.abs(apart.coefficient + 1) < 1e-9);
  assert.equal(new Correlation(3).coefficient, 0);
});
