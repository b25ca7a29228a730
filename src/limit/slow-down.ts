import { z } from 'zod';
import { count, duration, type Clock } from '../kernel/index.ts';
import type { Decision } from './decision.ts';

export const slowDownOptions = z
  .strictObject({
    after: count(0).describe('Units of the limit from which requests are delayed.'),
    delay: duration({ min: '1ms' })
      .prefault('100ms')
      .describe('Delay of the first request beyond; the next waits twice that, and so on.'),
    maxDelay: duration({ min: '1ms', max: '1m' }).prefault('5s').describe('The longest delay.'),
    maxWaiting: count(1).default(1000).describe('Requests held back at once; beyond, a request is refused instead of delayed.'),
  })
  .describe('Hold requests back a little longer each, before the limit refuses them.');

export type SlowDownSettings = z.output<typeof slowDownOptions>;

/** How long a request is held back: nothing up to a point, then a step more for each unit beyond. */
export class SlowDown {
  readonly #settings: SlowDownSettings;
  readonly #clock: Clock;
  #waiting = 0;

  constructor(settings: SlowDownSettings, clock: Clock) {
    this.#settings = settings;
    this.#clock = clock;
  }

  /** Waits out a delay; false, at once, when too many requests wait already. An aborted signal ends the wait early. */
  async hold(delayMs: number, signal?: AbortSignal): Promise<boolean> {
    if (this.#waiting >= this.#settings.maxWaiting) return false;
    this.#waiting++;
    try {
      await this.#clock.sleep(delayMs, signal);
    } catch {
      // The client has gone; whoever goes on will notice.
    } finally {
      this.#waiting--;
    }
    return true;
  }

  delayMs(decision: Decision): number {
    const { after, delay, maxDelay } = this.#settings;
    const beyond = decision.limit - decision.remaining - after;
    return beyond <= 0 ? 0 : Math.min(maxDelay, beyond * delay);
  }
}
