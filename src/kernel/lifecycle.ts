import type { Clock } from './clock.ts';
import { Events } from './events.ts';

/** Something that starts, stops taking work, and stops. Every step is optional. */
export interface Part {
  readonly name: string;
  start?(): Promise<void> | void;
  /** Stop taking new work and finish what runs. Aborted when the drain deadline passes. */
  drain?(signal: AbortSignal): Promise<void> | void;
  stop?(): Promise<void> | void;
}

export type LifecycleState = 'idle' | 'starting' | 'running' | 'draining' | 'stopped';

export interface LifecycleEvents {
  state: { readonly state: LifecycleState };
  /** A part failed to drain or stop; the others go on. */
  partFailed: { readonly part: string; readonly step: 'drain' | 'stop'; readonly error: unknown };
}

/**
 * Starts parts in the order they were added and stops them in the reverse order. When one fails to start, those already
 * started are stopped again and the failure is thrown. Stopping twice is the same as once.
 */
export class Lifecycle {
  readonly events = new Events<LifecycleEvents>();
  readonly #clock: Clock;
  readonly #parts: Part[] = [];
  #started: Part[] = [];
  #state: LifecycleState = 'idle';
  #stopping: Promise<void> | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get state(): LifecycleState {
    return this.#state;
  }

  add(part: Part): void {
    this.#parts.push(part);
  }

  async start(): Promise<void> {
    if (this.#state !== 'idle') throw new Error(`cannot start: the state is '${this.#state}'`);
    this.#enter('starting');
    for (const part of this.#parts) {
      try {
        await part.start?.();
      } catch (error) {
        await this.#stopStarted();
        this.#enter('stopped');
        throw error;
      }
      this.#started.push(part);
    }
    this.#enter('running');
  }

  /** Drains every part, last added first, then stops them in the same order. `drainMs` bounds the drain as a whole. */
  stop(drainMs: number): Promise<void> {
    return (this.#stopping ??= this.#stop(drainMs));
  }

  async #stop(drainMs: number): Promise<void> {
    this.#enter('draining');
    const deadline = new AbortController();
    const timer = this.#clock.setTimer(() => deadline.abort(new Error('the drain deadline passed')), drainMs);
    for (const part of this.#started.toReversed()) {
      try {
        await part.drain?.(deadline.signal);
      } catch (error) {
        this.events.emit('partFailed', { part: part.name, step: 'drain', error });
      }
    }
    timer.cancel();
    await this.#stopStarted();
    this.#enter('stopped');
  }

  async #stopStarted(): Promise<void> {
    const started = this.#started.toReversed();
    this.#started = [];
    for (const part of started) {
      try {
        await part.stop?.();
      } catch (error) {
        this.events.emit('partFailed', { part: part.name, step: 'stop', error });
      }
    }
  }

  #enter(state: LifecycleState): void {
    this.#state = state;
    this.events.emit('state', { state });
  }
}
