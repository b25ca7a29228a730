import { z } from 'zod';
import { duration, Histogram, parseOptions, runtimeFrom, share, type Clock, type Runtime, type Timer } from '../kernel/index.ts';
import { childController, type Call, type ExecuteOptions, type Policy } from './policy.ts';

export const hedgeOptions = z.strictObject({
  after: duration({ min: '1ms' })
    .optional()
    .describe('How long to wait for the first call before a second is made; by default the time 95 of 100 calls take.'),
  share: share().default(0.05).describe('Second calls per first call at most.'),
});

export type HedgeOptions = z.input<typeof hedgeOptions>;

/** Calls needed before their 95th percentile means anything. */
const ENOUGH = 50;
/** Calls after which what is known of their duration is begun anew, so that it follows changes. */
const FORGET_AFTER = 5000;
const MAX_SAVED = 10;

/**
 * Makes a call a second time when the first is unusually slow, and takes whichever answers first; the other's signal
 * aborts. Only for work that may be done twice.
 * @throws ConfigError when options are wrong.
 */
export function createHedge(options: HedgeOptions = {}, runtime: Partial<Runtime> = {}): Hedge {
  return new Hedge(parseOptions(hedgeOptions, options, 'createHedge(options)'), runtimeFrom(runtime).clock);
}

export class Hedge implements Policy {
  readonly #options: z.output<typeof hedgeOptions>;
  readonly #clock: Clock;
  /** Durations in tenths of a ms. */
  readonly #durations = new Histogram(5);
  #afterMs: number | undefined;
  /** Second calls that may be made: each first call adds its share. */
  #saved = 1;

  constructor(options: z.output<typeof hedgeOptions>, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
    this.#afterMs = options.after;
  }

  execute<T>(call: Call<T>, options?: ExecuteOptions): Promise<T> {
    const outer = childController(options?.signal);
    const [first, second] = [new AbortController(), new AbortController()];
    outer.controller.signal.addEventListener('abort', () => {
      first.abort(outer.controller.signal.reason);
      second.abort(outer.controller.signal.reason);
    });
    this.#saved = Math.min(MAX_SAVED, this.#saved + this.#options.share);
    return new Promise<T>((resolve, reject) => {
      let running = 0;
      let timer: Timer | undefined;
      const settle = (by: AbortController): void => {
        timer?.cancel();
        outer.end();
        (by === first ? second : first).abort(new Error('the other call answered first'));
      };
      const start = (controller: AbortController): void => {
        running++;
        const startMs = this.#clock.monotonic();
        (async () => call(controller.signal))().then(
          (value) => {
            this.#learn(this.#clock.monotonic() - startMs);
            settle(controller);
            resolve(value);
          },
          (error: unknown) => {
            if (--running > 0) return;
            settle(controller);
            reject(error instanceof Error ? error : new Error(String(error)));
          },
        );
      };
      start(first);
      if (this.#afterMs === undefined || this.#saved < 1) return;
      timer = this.#clock.setTimer(() => {
        if (this.#saved < 1 || running === 0) return;
        this.#saved -= 1;
        start(second);
      }, this.#afterMs);
    });
  }

  #learn(tookMs: number): void {
    if (this.#options.after !== undefined) return;
    this.#durations.record(tookMs * 10);
    if (this.#durations.count < ENOUGH || this.#durations.count % ENOUGH !== 0) return;
    this.#afterMs = Math.max(1, this.#durations.quantile(0.95) / 10);
    if (this.#durations.count >= FORGET_AFTER) this.#durations.reset();
  }
}
