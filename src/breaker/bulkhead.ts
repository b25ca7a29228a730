import { z } from 'zod';
import { BoundedQueue, count, parseOptions, runtimeFrom, SpillwayError, type Runtime } from '../kernel/index.ts';
import type { Call, ExecuteOptions, Policy } from './policy.ts';

export const bulkheadOptions = z.strictObject({
  name: z.string().max(128).default('dependency').describe('Name of the dependency in errors and metrics.'),
  concurrent: count(1).describe('Calls that may run at once.'),
  queue: count(0).default(0).describe('Calls that may wait for their turn; further ones are refused at once.'),
});

export type BulkheadOptions = z.input<typeof bulkheadOptions>;

interface Waiting {
  start(): void;
  /** Given up while it waited. */
  gone: boolean;
}

/**
 * Bounds how many calls run at once, so that one slow dependency cannot take all of a process.
 * @throws ConfigError when options are wrong.
 */
export function createBulkhead(options: BulkheadOptions, runtime: Partial<Runtime> = {}): Bulkhead {
  return new Bulkhead(parseOptions(bulkheadOptions, options, 'createBulkhead(options)'), runtimeFrom(runtime));
}

export class Bulkhead implements Policy {
  readonly #options: z.output<typeof bulkheadOptions>;
  readonly #waiting: BoundedQueue<Waiting>;
  readonly #count: (by: number) => void;
  readonly #countRefusal: () => void;
  #running = 0;

  constructor(options: z.output<typeof bulkheadOptions>, { metrics }: Runtime) {
    this.#options = options;
    this.#waiting = new BoundedQueue(Math.max(1, options.queue));
    const labels = { dependency: options.name };
    const running = metrics
      .gauge({ name: 'spillway_bulkhead_running', help: 'Calls running in a bulkhead.', labels: ['dependency'] })
      .series(labels);
    const refused = metrics
      .counter({ name: 'spillway_bulkhead_refused', help: 'Calls refused because a bulkhead was full.', labels: ['dependency'] })
      .series(labels);
    this.#count = (by) => running.add(by);
    this.#countRefusal = () => refused.inc();
  }

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /** @throws SpillwayError SPILLWAY_BULKHEAD_FULL when neither place nor queue has room. */
  async execute<T>(call: Call<T>, options?: ExecuteOptions): Promise<T> {
    if (this.#running < this.#options.concurrent) this.#enter();
    else await this.#waitForTurn(options?.signal);
    try {
      return await call(options?.signal);
    } finally {
      this.#leave();
    }
  }

  #waitForTurn(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason as Error);
      const onAbort = (): void => {
        waiting.gone = true;
        reject(signal!.reason as Error);
      };
      const waiting: Waiting = {
        gone: false,
        start: () => {
          signal?.removeEventListener('abort', onAbort);
          this.#enter();
          resolve();
        },
      };
      if (this.#options.queue === 0 || !this.#waiting.push(waiting)) return reject(this.#full());
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  #enter(): void {
    this.#running++;
    this.#count(1);
  }

  #leave(): void {
    this.#running--;
    this.#count(-1);
    let next = this.#waiting.shift();
    while (next?.gone) next = this.#waiting.shift();
    next?.start();
  }

  #full(): SpillwayError {
    this.#countRefusal();
    const { name, concurrent, queue } = this.#options;
    return new SpillwayError(
      'SPILLWAY_BULKHEAD_FULL',
      `${concurrent} calls to '${name}' run and ${queue} wait; this one was not made.`,
    );
  }
}
