import type { ResolvedBreakerOptions } from './options.ts';

// Sums of shares such as 0.1 fall a little short of whole numbers.
const ROUNDING = 1e-9;

/** What a result means for the recovery: go on as before, take the next step, step back, close, or open again. */
export type RecoveryStep = 'stay' | 'forward' | 'back' | 'close' | 'reopen';

/**
 * The way from open to closed: first a few trial calls, then a growing share of all calls. A step is passed with enough
 * results, enough of them good, and enough time for the load to show. A step that fails leads back to the one that held,
 * which is then kept for a time that doubles: a dependency that can only take a part of the load is given that part.
 */
export class Recovery {
  readonly #options: ResolvedBreakerOptions;
  /** -1: trial calls; otherwise index into the ramp. */
  #step = -1;
  #permits = 0;
  #successes = 0;
  #results = 0;
  #stepSinceMs = 0;
  #holdUntilMs = 0;
  /** Until then results still show the load of the step before. */
  #settlesAtMs = 0;
  #setbacks = 0;
  #owed = 0;

  constructor(options: ResolvedBreakerOptions) {
    this.#options = options;
  }

  begin(nowMs: number): void {
    this.#step = -1;
    this.#permits = this.#options.trialCalls;
    this.#setbacks = 0;
    this.#settlesAtMs = nowMs;
    this.#enter(nowMs, 0);
  }

  /** The share of calls let through now; 0 while only trial calls are. */
  get share(): number {
    return this.#step < 0 ? 0 : this.#options.ramp[this.#step]!;
  }

  /** Whether the next call may pass. Shares are dealt out evenly: of ten calls at 10 %, the tenth. */
  admits(nowMs: number): boolean {
    if (this.#step < 0) return this.#admitsTrial(nowMs);
    this.#owed += this.share;
    if (this.#owed < 1 - ROUNDING) return false;
    this.#owed -= 1;
    return true;
  }

  record(success: boolean, nowMs: number): RecoveryStep {
    if (nowMs < this.#settlesAtMs) return 'stay';
    this.#results++;
    if (success) this.#successes++;
    const { trialSuccessRate, trialMinimumCalls } = this.#options;
    const needed = this.#step < 0 ? Math.min(trialMinimumCalls, this.#options.trialCalls) : trialMinimumCalls;
    const failures = this.#results - this.#successes;
    if (failures > (1 - trialSuccessRate) * Math.max(needed, this.#results) + ROUNDING) return this.#setBack(nowMs);
    if (this.#results < needed || nowMs < this.#holdUntilMs) return 'stay';
    if (this.#step >= 0 && nowMs - this.#stepSinceMs < this.#options.rampStep) return 'stay';
    if (this.#step + 1 >= this.#options.ramp.length) return 'close';
    this.#step++;
    this.#enter(nowMs, 0);
    return 'forward';
  }

  // Calls whose callers never report must not keep the trial waiting for ever.
  #admitsTrial(nowMs: number): boolean {
    if (this.#permits === 0 && nowMs - this.#stepSinceMs >= this.#options.openForMax) {
      this.#permits = this.#options.trialCalls;
      this.#enter(nowMs, 0);
    }
    if (this.#permits === 0) return false;
    this.#permits--;
    return true;
  }

  #setBack(nowMs: number): RecoveryStep {
    if (this.#step <= 0 || this.#stepIsHeld(nowMs)) return 'reopen';
    this.#step--;
    const { rampStep, openForMax } = this.#options;
    this.#enter(nowMs, Math.min(openForMax, rampStep * 2 ** ++this.#setbacks));
    this.#settlesAtMs = nowMs + rampStep / 2;
    return 'back';
  }

  /** Whether the running step is itself one that was stepped back to. */
  #stepIsHeld(nowMs: number): boolean {
    return nowMs < this.#holdUntilMs;
  }

  #enter(nowMs: number, holdMs: number): void {
    this.#stepSinceMs = nowMs;
    this.#holdUntilMs = nowMs + holdMs;
    this.#successes = 0;
    this.#results = 0;
    this.#owed = 0;
  }
}
