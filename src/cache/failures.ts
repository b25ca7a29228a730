import { backoffMs, type Clock, type Random } from '../kernel/index.ts';
import type { FillFailure } from '../ports/index.ts';

export interface FailureMemoryOptions {
  /** Wait after the first failure, ms; doubles with each further one. 0: failures are not remembered. */
  readonly baseMs: number;
  readonly maxMs: number;
  /** How many keys are remembered; the oldest is forgotten first. */
  readonly maxKeys: number;
}

export interface RememberedFailure extends FillFailure {
  readonly error: unknown;
  readonly untilMs: number;
}

/** Which keys failed to load, so that a loader that fails is asked again with growing pauses only. */
export class FailureMemory {
  readonly #failures = new Map<string, RememberedFailure>();
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #options: FailureMemoryOptions;

  constructor(clock: Clock, random: Random, options: FailureMemoryOptions) {
    this.#clock = clock;
    this.#random = random;
    this.#options = options;
  }

  get size(): number {
    return this.#failures.size;
  }

  /** The failure that still forbids a new attempt. */
  current(key: string): RememberedFailure | undefined {
    const failure = this.#failures.get(key);
    return failure && failure.untilMs > this.#clock.monotonic() ? failure : undefined;
  }

  /** Counts a failure of this process and says how long to wait; undefined when failures are not remembered. */
  record(key: string, error: unknown, message: string): { failure: RememberedFailure; pauseMs: number } | undefined {
    if (this.#options.baseMs === 0) return undefined;
    const attempts = (this.#failures.get(key)?.attempts ?? 0) + 1;
    const pauseMs = backoffMs(this.#random, attempts - 1, this.#options.baseMs, this.#options.maxMs);
    return { failure: this.#keep(key, { error, message, attempts, untilMs: this.#clock.monotonic() + pauseMs }), pauseMs };
  }

  /** Another process told of its failure. */
  adopt(key: string, failure: FillFailure, leftMs: number, error: unknown): RememberedFailure {
    return this.#keep(key, { ...failure, error, untilMs: this.#clock.monotonic() + leftMs });
  }

  forget(key: string): void {
    this.#failures.delete(key);
  }

  #keep(key: string, failure: RememberedFailure): RememberedFailure {
    this.#failures.delete(key);
    this.#failures.set(key, failure);
    if (this.#failures.size > this.#options.maxKeys) this.#failures.delete(this.#failures.keys().next().value!);
    return failure;
  }
}
