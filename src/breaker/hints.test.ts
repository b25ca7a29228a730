import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigError, seededRandom, SimulatedClock } from '../kernel/index.ts';
import type { Bus } from '../ports/index.ts';
import { createBreaker, type Breaker } from './breaker.ts';
import { createBreakerHints } from './hints.ts';

/** Processes on one bus, whose messages arrive at once. */
class Processes {
  readonly messages: string[] = [];
  readonly #listeners: ((message: string) => void)[] = [];
  readonly #clock: SimulatedClock;

  constructor(clock: SimulatedClock) {
    this.#clock = clock;
  }

  breaker(name: string): Breaker {
    let own: ((message: string) => void) | undefined;
    const bus: Bus = {
      publish: async (_, message) => {
        this.messages.push(message);
        for (const listener of this.#listeners) if (listener !== own) listener(message);
        return { acknowledged: 1, missing: 0 };
      },
      subscribe: (_, listener) => {
        this.#listeners.push((own = listener));
        return () => {};
      },
      onGap: () => () => {},
      close: async () => {},
    };
    return createBreaker({ name, hints: createBreakerHints(bus) }, { clock: this.#clock, random: seededRandom(1) });
  }
}

const fail = (breaker: Breaker, times: number): void => {
  for (let i = 0; i < times; i++) breaker.record(breaker.tryAcquire(), 'gatewayError');
};

test('what one process finds out makes one failure enough for the others, and tells nobody twice', () => {
  const processes = new Processes(new SimulatedClock());
  const [first, second, other] = [processes.breaker('db'), processes.breaker('db'), processes.breaker('mail')];
  const reasons: string[] = [];
  second.events.on('stateChanged', ({ reason }) => reasons.push(reason));
  fail(first, 5);
  assert.equal(first.state, 'open');
  assert.equal(second.state, 'closed', 'a hint opens nothing by itself');
  second.record(second.tryAcquire(), 'success');
  second.record(second.tryAcquire(), 'throttled');
  assert.equal(second.state, 'closed');
  fail(second, 1);
  fail(other, 1);
  assert.deepEqual([second.state, other.state, reasons], ['open', 'closed', ['hinted']]);
  assert.equal(processes.messages.length, 1);
});

test('a hint holds for as long as the other breaker is open', async () => {
  const clock = new SimulatedClock();
  const processes = new Processes(clock);
  const [first, second] = [processes.breaker('db'), processes.breaker('db')];
  fail(first, 5);
  await clock.advance(first.retryAfterMs + 1);
  fail(second, 1);
  assert.equal(second.state, 'closed');
  assert.throws(() => createBreaker({ hints: {} as never }), ConfigError);
});
