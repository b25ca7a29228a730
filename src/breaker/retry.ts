import { z } from 'zod';
import {
  backoffMs,
  count,
  duration,
  parseOptions,
  runtimeFrom,
  share,
  SpillwayError,
  type Clock,
  type Random,
  type Runtime,
} from '../kernel/index.ts';
import type { Call, ExecuteOptions, Policy } from './policy.ts';

export const budgetOptions = z.strictObject({
  share: share().default(0.2).describe('Retries allowed per first attempt, over the last ten seconds.'),
  minimum: count(0).default(3).describe('Retries allowed in ten seconds however few first attempts there were.'),
});

export const retryOptions = z.strictObject({
  attempts: count(1, 100).default(3).describe('How often a call is made at most, the first time included.'),
  delay: duration()
    .prefault('100ms')
    .describe('Pause before the second attempt; doubled before each further one, give or take a fifth.'),
  maxDelay: duration().prefault('5s').describe('The longest pause; an error that asks for a longer one is not retried.'),
  budget: z
    .union([z.custom<RetryBudget>((value) => value instanceof RetryBudget, 'a retry budget'), budgetOptions])
    .prefault({})
    .describe('What retries may add to the load; several policies can share one budget.'),
  retryOn: z
    .custom<(error: unknown) => boolean>((value) => typeof value === 'function', 'a function')
    .optional()
    .describe('Whether an error is worth another attempt; by default unless it says itself that it is not.'),
});

export type RetryBudgetOptions = z.input<typeof budgetOptions>;
export type RetryOptions = z.input<typeof retryOptions>;

const BUDGET_SECONDS = 10;

/**
 * Keeps retries a share of the calls: a dependency in trouble gets at most a fifth more load from them, instead of three
 * times as much from everyone at once.
 */
export class RetryBudget {
  readonly #share: number;
  readonly #minimum: number;
  readonly #clock: Clock;
  /** Per second of the last ten: first attempts, retries. */
  readonly #attempts = new Float64Array(BUDGET_SECONDS);
  readonly #retries = new Float64Array(BUDGET_SECONDS);
  #second = 0;

  constructor(options: z.output<typeof budgetOptions>, clock: Clock) {
    this.#share = options.share;
    this.#minimum = options.minimum;
    this.#clock = clock;
  }

  /** Counts a first attempt. */
  attempt(): void {
    this.#attempts[this.#now()]!++;
  }

  /** Whether one more retry is within the budget; counts it then. */
  tryRetry(): boolean {
    const second = this.#now();
    const total = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0);
    if (total(this.#retries) >= Math.max(this.#minimum, this.#share * total(this.#attempts))) return false;
    this.#retries[second]!++;
    return true;
  }

  #now(): number {
    const second = Math.floor(this.#clock.monotonic() / 1000);
    const passed = Math.min(BUDGET_SECONDS, second - this.#second);
    for (let i = 1; i <= passed; i++) {
      this.#attempts[(this.#second + i) % BUDGET_SECONDS] = 0;
      this.#retries[(this.#second + i) % BUDGET_SECONDS] = 0;
    }
    this.#second = second;
    return second % BUDGET_SECONDS;
  }
}

/** A budget for several retry policies together. */
export function createRetryBudget(options: RetryBudgetOptions = {}, runtime: Partial<Runtime> = {}): RetryBudget {
  return new RetryBudget(parseOptions(budgetOptions, options, 'createRetryBudget(options)'), runtimeFrom(runtime).clock);
}

/**
 * Makes a failed call again, after a pause that grows, within a budget. What an error says about itself counts: `retryable:
 * false` ends it, `retryAfterMs` lengthens the pause.
 * @throws ConfigError when options are wrong.
 */
export function createRetry(options: RetryOptions = {}, runtime: Partial<Runtime> = {}): Policy {
  const parsed = parseOptions(retryOptions, options, 'createRetry(options)');
  const { clock, random } = runtimeFrom(runtime);
  const budget = parsed.budget instanceof RetryBudget ? parsed.budget : new RetryBudget(parsed.budget, clock);
  return { execute: (call, given) => attemptAll(call, given, parsed, budget, clock, random) };
}

async function attemptAll<T>(
  call: Call<T>,
  given: ExecuteOptions | undefined,
  options: z.output<typeof retryOptions>,
  budget: RetryBudget,
  clock: Clock,
  random: Random,
): Promise<T> {
  budget.attempt();
  for (let attempt = 0; ; attempt++) {
    try {
      return await call(given?.signal);
    } catch (error) {
      if (given?.signal?.aborted || attempt + 1 >= options.attempts) throw error;
      if (!(options.retryOn ?? isRetryable)(error)) throw error;
      const askedMs = error instanceof SpillwayError ? (error.retryAfterMs ?? 0) : 0;
      if (askedMs > options.maxDelay || !budget.tryRetry()) throw error;
      await clock.sleep(Math.max(askedMs, backoffMs(random, attempt, options.delay, options.maxDelay)), given?.signal);
    }
  }
}

function isRetryable(error: unknown): boolean {
  return !(error instanceof SpillwayError) || error.retryable;
}
