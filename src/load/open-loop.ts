import type { Clock, Timer } from '../kernel/index.ts';
import type { Lanes } from './lanes.ts';
import type { Measurement } from './measurement.ts';
import type { Player } from './player.ts';
import type { Cursor } from './schedule.ts';

/** A clock may not tell times apart that are closer than this, so an arrival this near is due. */
const CLOCK_GRAIN_MS = 0.001;

/** Sends what the schedule says, when it says so. */
export interface Loop {
  start(): void;
  /** Begins nothing more. */
  stop(): void;
  /** Nothing is left to begin, and nothing that was begun still runs. */
  readonly idle: boolean;
  /** How many iterations of code run now. */
  readonly running: number;
}

export interface OpenLoopOptions {
  readonly cursor: Cursor;
  readonly player: Player;
  readonly lanes: Lanes;
  readonly measurement: Measurement;
  readonly clock: Clock;
  readonly timeoutMs: number;
  /** Until when an arrival may begin and still count as in time, ms into the run. */
  readonly punctualUntilMs: number;
  /** Most iterations of code at once. */
  readonly maxUsers: number;
}

/**
 * The open model. Arrivals that cannot start, because every connection or user is busy, wait as nothing but the
 * cursor's position: memory stays the same however far the target falls behind. They are never dropped in silence: an
 * arrival that waited for the whole timeout is given up and counted as `late`, at its age.
 */
export class OpenLoop implements Loop {
  running = 0;
  readonly #options: OpenLoopOptions;
  #timer: Timer | undefined;
  /** When the timer fires, ms into the run. */
  #wakeMs = 0;
  #stopped = false;
  #pumping = false;

  constructor(options: OpenLoopOptions) {
    this.#options = options;
    options.lanes.onFree = () => this.#pump();
  }

  get idle(): boolean {
    return (
      (this.#stopped || this.#options.cursor.dueMs === Infinity) && this.running === 0 && this.#options.measurement.inFlight === 0
    );
  }

  start(): void {
    this.#pump();
  }

  /** What is due but never started counts as `unfinished`, at its age. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#timer?.cancel();
    const { cursor, lanes } = this.#options;
    for (const now = lanes.elapsedMs(); cursor.dueMs <= now; cursor.advance()) this.#giveUp('unfinished');
  }

  /** Starts every arrival that is due and can start; sees to it that it is called again. */
  #pump(): void {
    if (this.#pumping || this.#stopped) return;
    this.#pumping = true;
    const { cursor, lanes, player } = this.#options;
    let blocked = false;
    // Read again for each: what was just begun may have taken a while.
    for (let now = lanes.elapsedMs(); !blocked && cursor.dueMs <= now + CLOCK_GRAIN_MS; now = lanes.elapsedMs()) {
      blocked = player.isScripted(cursor.index) ? !this.#startScripted(now) : !this.#startFixed(now);
    }
    this.#pumping = false;
    if (cursor.dueMs < Infinity) this.#arm(blocked ? cursor.dueMs + this.#options.timeoutMs : cursor.dueMs);
  }

  /** Sees to it that the pump runs at `wakeMs` at the latest; a connection that comes free calls it by itself. */
  #arm(wakeMs: number): void {
    if (this.#timer && this.#wakeMs <= wakeMs) return;
    this.#timer?.cancel();
    this.#wakeMs = wakeMs;
    this.#timer = this.#options.clock.setTimer(
      () => {
        this.#timer = undefined;
        this.#pump();
      },
      Math.max(0, wakeMs - this.#options.lanes.elapsedMs()),
    );
  }

  #startFixed(nowMs: number): boolean {
    const { cursor, lanes, player } = this.#options;
    if (!lanes.open) return this.#giveUpLate(nowMs);
    const { index, dueMs } = cursor;
    cursor.advance();
    this.#begun(nowMs);
    player.play({ index, dueMs, state: NO_STATE }, nowMs, nothing);
    return true;
  }

  #startScripted(nowMs: number): boolean {
    const { cursor, player, maxUsers } = this.#options;
    if (this.running >= maxUsers) return this.#giveUpLate(nowMs);
    const { index, dueMs } = cursor;
    cursor.advance();
    this.#begun(nowMs);
    this.running++;
    player.play({ index, dueMs, state: {} }, nowMs, () => {
      this.running--;
      this.#pump();
    });
    return true;
  }

  #begun(nowMs: number): void {
    const { measurement, punctualUntilMs } = this.#options;
    measurement.planned++;
    if (nowMs <= punctualUntilMs) measurement.punctual++;
  }

  /** Gives the oldest arrival up when it has waited for the whole timeout; false when it may wait on. */
  #giveUpLate(nowMs: number): boolean {
    const { cursor, timeoutMs } = this.#options;
    if (nowMs - cursor.dueMs < timeoutMs) return false;
    this.#giveUp('late');
    cursor.advance();
    return true;
  }

  #giveUp(fault: 'late' | 'unfinished'): void {
    const { cursor, lanes, measurement, player } = this.#options;
    const now = lanes.elapsedMs();
    measurement.planned++;
    measurement.missed++;
    measurement.began(now);
    measurement.failed(player.seriesAt(cursor.index), fault, now - cursor.dueMs, now);
  }
}

const NO_STATE: Record<string, unknown> = Object.freeze({});
const nothing = (): void => {};
