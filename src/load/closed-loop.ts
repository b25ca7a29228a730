import type { Clock, Timer } from '../kernel/index.ts';
import type { ClosedArrival } from './arrival.ts';
import { spread } from './feed.ts';
import type { Lanes } from './lanes.ts';
import type { Measurement } from './measurement.ts';
import type { Loop } from './open-loop.ts';
import type { Player } from './player.ts';
import type { Turn } from './schedule.ts';

/** How long a user waits at least after a request without an answer: nobody tries a thousand times a second. */
const RETRY_MS = 100;

export interface ClosedLoopOptions {
  readonly arrival: ClosedArrival;
  readonly turn: Turn;
  readonly player: Player;
  readonly lanes: Lanes;
  readonly measurement: Measurement;
  readonly clock: Clock;
}

/**
 * The closed model: each user asks, waits for the answer, thinks, and asks again. The slower the target, the fewer the
 * requests, so latencies of a closed run say little about users who come whenever they like.
 */
export class ClosedLoop implements Loop {
  running = 0;
  readonly #options: ClosedLoopOptions;
  readonly #timers = new Set<Timer>();
  #stopped = false;

  constructor(options: ClosedLoopOptions) {
    this.#options = options;
  }

  get idle(): boolean {
    return this.#stopped && this.running === 0;
  }

  start(): void {
    const { arrival, turn } = this.#options;
    for (let user = turn.worker; user < arrival.users; user += turn.workers) {
      this.#at((user / arrival.users) * arrival.rampMs, this.#options.lanes.elapsedMs(), user, 0, {});
    }
  }

  stop(): void {
    this.#stopped = true;
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
  }

  /** Lets `user` begin its iteration `round` at `dueMs` into the run, which is at `nowMs`. */
  #at(dueMs: number, nowMs: number, user: number, round: number, state: Record<string, unknown>): void {
    const waitMs = dueMs - nowMs;
    if (waitMs <= 0) return this.#begin(dueMs, user, round, state);
    const timer = this.#options.clock.setTimer(() => {
      this.#timers.delete(timer);
      // Timers of whole milliseconds may fire a fraction early; the user then asks at that moment.
      this.#begin(Math.min(dueMs, this.#options.lanes.elapsedMs()), user, round, state);
    }, waitMs);
    this.#timers.add(timer);
  }

  #begin(dueMs: number, user: number, round: number, state: Record<string, unknown>): void {
    const { arrival, player, measurement, lanes } = this.#options;
    if (this.#stopped) return;
    measurement.planned++;
    measurement.punctual++;
    this.running++;
    const index = round * arrival.users + user;
    player.play({ index, dueMs, state }, (answered) => {
      this.running--;
      if (this.#stopped) return;
      const thinkMs = arrival.thinkMinMs + spread(index) * (arrival.thinkMaxMs - arrival.thinkMinMs);
      const pauseMs = answered ? thinkMs : Math.max(thinkMs, RETRY_MS);
      const nowMs = lanes.elapsedMs();
      this.#at(nowMs + pauseMs, nowMs, user, round + 1, state);
    });
  }
}
