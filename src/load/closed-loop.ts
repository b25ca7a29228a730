import type { Clock, Timer } from '../kernel/index.ts';
import type { ClosedArrival } from './arrival.ts';
import { spread } from './feed.ts';
import type { Lanes, Outcome } from './lanes.ts';
import type { Measurement } from './measurement.ts';
import type { Loop } from './open-loop.ts';
import type { Player } from './player.ts';
import type { Turn } from './schedule.ts';
import type { Fault } from './transport.ts';

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
    const { arrival, turn, lanes } = this.#options;
    for (let user = turn.worker; user < arrival.users; user += turn.workers) {
      this.#at((user / arrival.users) * arrival.rampMs, lanes.elapsedMs(), this.#user(user));
    }
  }

  stop(): void {
    this.#stopped = true;
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
  }

  #user(index: number): User {
    const user: User = { index, state: {}, done: (_answer, fault, _latencyMs, nowMs) => this.#ended(user, fault, nowMs) };
    return user;
  }

  /** Lets `user` begin its next iteration at `dueMs` into the run, which is at `nowMs`. */
  #at(dueMs: number, nowMs: number, user: User): void {
    const waitMs = dueMs - nowMs;
    if (waitMs <= 0) return this.#begin(dueMs, nowMs, user);
    const timer = this.#options.clock.setTimer(() => {
      this.#timers.delete(timer);
      // Timers of whole milliseconds may fire a fraction early; the user then asks at that moment.
      const firedMs = this.#options.lanes.elapsedMs();
      this.#begin(Math.min(dueMs, firedMs), firedMs, user);
    }, waitMs);
    this.#timers.add(timer);
  }

  #begin(dueMs: number, nowMs: number, { index, state, done }: User): void {
    const { player, measurement } = this.#options;
    if (this.#stopped) return;
    measurement.planned++;
    measurement.punctual++;
    this.running++;
    player.play({ index, dueMs, state }, nowMs, done);
  }

  #ended(user: User, fault: Fault | undefined, nowMs: number): void {
    const { arrival } = this.#options;
    this.running--;
    if (this.#stopped) return;
    const thinkMs = arrival.thinkMinMs + spread(user.index) * (arrival.thinkMaxMs - arrival.thinkMinMs);
    const pauseMs = fault === undefined ? thinkMs : Math.max(thinkMs, RETRY_MS);
    user.index += arrival.users;
    this.#at(nowMs + pauseMs, nowMs, user);
  }
}

/** Somebody who asks, again and again. */
interface User {
  /** Of its next iteration, in the whole run: users take turns. */
  index: number;
  /** What it remembers. */
  readonly state: Record<string, unknown>;
  /** Hears how its iteration ended. */
  readonly done: Outcome;
}
