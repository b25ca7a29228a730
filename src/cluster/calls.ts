import { SpillwayError, type Clock, type Timer } from '../kernel/index.ts';

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly timer: Timer;
}

/** Questions to another process that wait for their answer, each with a deadline. */
export class Calls {
  readonly #clock: Clock;
  readonly #waiting = new Map<number, Waiting>();
  #last = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** Calls `send` with a fresh number; settles as {@link answer} or {@link fail} say, or rejects after `withinMs`. */
  make(withinMs: number, send: (call: number) => void): Promise<unknown> {
    const call = ++this.#last;
    return new Promise((resolve, reject) => {
      const timer = this.#clock.setTimer(
        () => this.fail(call, new SpillwayError('SPILLWAY_WORKER_SILENT', `no answer within ${withinMs} ms`)),
        withinMs,
        { keepAlive: true },
      );
      this.#waiting.set(call, { resolve, reject, timer });
      send(call);
    });
  }

  answer(call: number, value: unknown): void {
    this.#take(call)?.resolve(value);
  }

  fail(call: number, error: Error): void {
    this.#take(call)?.reject(error);
  }

  /** The other process is gone: nothing more will be answered. */
  failAll(error: Error): void {
    for (const call of this.#waiting.keys()) this.fail(call, error);
  }

  #take(call: number): Waiting | undefined {
    const waiting = this.#waiting.get(call);
    this.#waiting.delete(call);
    waiting?.timer.cancel();
    return waiting;
  }
}
