import { z } from 'zod';
import {
  duration,
  parseOptions,
  runtimeFrom,
  share,
  SpillwayError,
  type Clock,
  type Counter,
  type ErrorCode,
  type Random,
  type Runtime,
} from '../kernel/index.ts';
import { OutcomeWindow } from './outcome-window.ts';
import type { Call, ExecuteOptions, Policy } from './policy.ts';

export const throttleOptions = z.strictObject({
  name: z.string().max(128).default('dependency').describe('Name of the dependency in errors and metrics.'),
  window: duration({ min: '1s', max: '1h' }).prefault('2m').describe('How far back calls count.'),
  factor: z
    .number()
    .min(1)
    .max(100)
    .default(2)
    .describe('How many calls are sent for each one accepted; the lower, the sooner calls are kept back.'),
  most: share().default(0.9).describe('The largest share of calls kept back; the rest finds out when it accepts again.'),
  isRefusal: z
    .custom<(outcome: unknown) => boolean>((value) => typeof value === 'function', 'a function')
    .optional()
    .describe(
      'Whether an answer or an error says that the dependency has too much to do; by default status 429 and 503, and errors that say so.',
    ),
});

export type ThrottleOptions = z.input<typeof throttleOptions>;

/** Errors of ours by which a dependency, or what guards it, says that it has too much to do. */
const REFUSALS: ReadonlySet<ErrorCode> = new Set([
  'SPILLWAY_SHED',
  'SPILLWAY_BREAKER_OPEN',
  'SPILLWAY_BULKHEAD_FULL',
  'SPILLWAY_THROTTLED',
]);

/**
 * Keeps calls back by itself while the dependency refuses many of them, since refusing costs the dependency work too
 * (adaptive throttling, Site Reliability Engineering, ch. 21). A call is kept back with the probability
 * (calls − factor × accepted) ÷ (calls + 1), but not more than `most`.
 * @throws ConfigError when options are wrong.
 */
export function createThrottle(options: ThrottleOptions = {}, runtime: Partial<Runtime> = {}): Throttle {
  return new Throttle(parseOptions(throttleOptions, options, 'createThrottle(options)'), runtimeFrom(runtime));
}

export class Throttle implements Policy {
  readonly #name: string;
  readonly #factor: number;
  readonly #most: number;
  readonly #isRefusal: (outcome: unknown) => boolean;
  readonly #clock: Clock;
  readonly #random: Random;
  /** Calls, those kept back included; its failures are those that were not accepted. */
  readonly #window: OutcomeWindow;
  readonly #keptBack: Counter;

  constructor(options: z.output<typeof throttleOptions>, { clock, random, metrics }: Runtime) {
    this.#name = options.name;
    this.#factor = options.factor;
    this.#most = options.most;
    this.#isRefusal = options.isRefusal ?? saysTooMuch;
    this.#clock = clock;
    this.#random = random;
    this.#window = new OutcomeWindow(options.window);
    this.#keptBack = metrics
      .counter({
        name: 'spillway_throttle_kept_back',
        help: 'Calls not made because the dependency refuses many.',
        labels: ['dependency'],
      })
      .series({ dependency: options.name });
  }

  /** The probability with which the next call is kept back. */
  get share(): number {
    this.#window.advance(this.#clock.monotonic());
    const { calls, failures } = this.#window;
    return Math.min(this.#most, Math.max(0, (calls - this.#factor * (calls - failures)) / (calls + 1)));
  }

  /**
   * Makes a call, unless it is kept back. Answers and errors pass through as they are.
   * @throws SpillwayError SPILLWAY_THROTTLED when it is.
   */
  async execute<T>(call: Call<T>, options?: ExecuteOptions): Promise<T> {
    const keptBack = this.share;
    if (keptBack > 0 && this.#random.next() < keptBack) {
      this.#count(true);
      this.#keptBack.inc();
      throw new SpillwayError(
        'SPILLWAY_THROTTLED',
        `'${this.#name}' refuses too many calls; this one was not made (${Math.round(keptBack * 100)} % are not).`,
      );
    }
    try {
      const value = await call(options?.signal);
      this.#count(this.#isRefusal(value));
      return value;
    } catch (error) {
      if (!options?.signal?.aborted) this.#count(this.#isRefusal(error));
      throw error;
    }
  }

  #count(refused: boolean): void {
    this.#window.record(refused, false, this.#clock.monotonic());
  }
}

function saysTooMuch(outcome: unknown): boolean {
  if (outcome instanceof SpillwayError) return REFUSALS.has(outcome.code);
  if (typeof outcome !== 'object' || outcome === null) return false;
  const { status, statusCode } = outcome as { readonly status?: unknown; readonly statusCode?: unknown };
  return status === 429 || status === 503 || statusCode === 429 || statusCode === 503;
}
