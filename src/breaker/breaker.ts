import {
  Events,
  jitter,
  parseOptions,
  runtimeFrom,
  SpillwayError,
  type Clock,
  type Counter,
  type Gauge,
  type Random,
  type Runtime,
} from '../kernel/index.ts';
import { coarseTimeOf, type CoarseTime } from './coarse-time.ts';
import type { BreakerEvents, BreakerReason, BreakerState } from './events.ts';
import { BREAKER_PRESETS, breakerOptions, type BreakerOptions, type ResolvedBreakerOptions } from './options.ts';
import { OutcomeWindow } from './outcome-window.ts';
import type { Call, ExecuteOptions, Policy } from './policy.ts';
import { Recovery } from './recovery.ts';

/**
 * How a call ended. `gatewayError`: no answer, or 502, 503, 504; it counts towards those in a row too. `throttled`: 429;
 * a failure for the rate and no success for a trial. `ignored`: says nothing about the dependency (the caller gave up).
 */
export type Outcome = 'success' | 'failure' | 'gatewayError' | 'throttled' | 'ignored';

/** A permission to call, to be handed back with the outcome. 0: refused. */
export type Ticket = number;

const REFUSED: Ticket = 0;

/** The numbers metrics know states by. */
const STATE_NUMBERS: Readonly<Record<BreakerState, number>> = { closed: 0, 'half-open': 1, open: 2, isolated: 3 };
/** Let through although the breaker would have refused: its outcome counts for nothing. */
const UNCOUNTED: Ticket = 1;

/**
 * Creates a breaker for one dependency: it stops calling what is failing, and comes back with care.
 * @throws ConfigError when options are wrong.
 */
export function createBreaker(options: BreakerOptions = {}, runtime: Partial<Runtime> = {}): Breaker {
  const { preset = 'rate', ...own } = options;
  if (!(preset in BREAKER_PRESETS)) parseOptions(breakerOptions, options, 'createBreaker(options)');
  const parsed = parseOptions(breakerOptions, { ...BREAKER_PRESETS[preset], ...own }, 'createBreaker(options)');
  return new Breaker(parsed, runtimeFrom(runtime));
}

/**
 * A circuit breaker. On the hot path: `tryAcquire()`, then `record(ticket, outcome)`; neither makes objects. A ticket
 * carries the number of the state it was given in, so an answer that comes late changes nothing in a later state.
 */
export class Breaker implements Policy {
  readonly events = new Events<BreakerEvents>();
  readonly name: string;
  readonly #options: ResolvedBreakerOptions;
  readonly #clock: Clock;
  readonly #coarseTime: CoarseTime;
  readonly #random: Random;
  readonly #window: OutcomeWindow;
  readonly #recovery: Recovery;
  readonly #refused: Counter;
  readonly #late: Counter;
  readonly #opened: Counter;
  readonly #stateNumber: Gauge;
  /** Infinity where no call counts as slow. */
  readonly #slowCallMs: number;
  #mode: ResolvedBreakerOptions['mode'];
  #state: BreakerState = 'closed';
  #generation: Ticket = UNCOUNTED + 1;
  #inARow = 0;
  #openings = 0;
  #openUntilMs = 0;
  #hintedUntilMs = -Infinity;

  constructor(options: ResolvedBreakerOptions, runtime: Runtime) {
    this.name = options.name;
    this.#options = options;
    this.#clock = runtime.clock;
    this.#coarseTime = coarseTimeOf(runtime.clock);
    this.#random = runtime.random;
    this.#mode = options.mode;
    this.#slowCallMs = options.slowCall ?? Infinity;
    this.#window = new OutcomeWindow(options.window);
    this.#recovery = new Recovery(options);
    const labels = { dependency: options.name };
    const counter = (name: string, help: string): Counter =>
      runtime.metrics.counter({ name: `spillway_breaker_${name}`, help, labels: ['dependency'] }).series(labels);
    this.#refused = counter('refused', 'Calls refused because the breaker was open or half-open.');
    this.#late = counter('late_results', 'Results that came after the state they belong to.');
    this.#opened = counter('opened', 'How often the breaker opened.');
    this.#stateNumber = runtime.metrics
      .gauge({
        name: 'spillway_breaker_state',
        help: '0 closed, 1 half-open, 2 open, 3 opened by hand.',
        labels: ['dependency'],
        across: 'max',
      })
      .series(labels);
    this.#stateNumber.set(STATE_NUMBERS[this.state]);
    options.hints?.attach(this);
  }

  get state(): BreakerState {
    return this.#mode === 'isolated' ? 'isolated' : this.#state;
  }

  /** The share of calls let through: 1 when closed, 0 when open, between them on the way back. */
  get share(): number {
    if (this.#mode === 'isolated') return 0;
    return this.#state === 'closed' ? 1 : this.#state === 'open' ? 0 : this.#recovery.share;
  }

  /** How long until the next call may pass, ms; 0 unless open. Infinity while isolated. */
  get retryAfterMs(): number {
    if (this.#mode === 'isolated') return Infinity;
    return this.#state === 'open' ? Math.max(0, Math.ceil(this.#openUntilMs - this.#clock.monotonic())) : 0;
  }

  /** May a call go out? A ticket, or 0. */
  tryAcquire(): Ticket {
    if (this.#state === 'closed' && this.#mode === 'enabled') return this.#generation;
    return this.#acquireWithCare();
  }

  /**
   * What became of the call.
   * @param durationMs how long it took; needed only where `slowCall` is set.
   * @param retryAfterMs what the dependency's Retry-After said, if it did.
   */
  record(ticket: Ticket, outcome: Outcome, durationMs = 0, retryAfterMs = 0): void {
    if (outcome === 'ignored' || ticket === UNCOUNTED) return;
    if (ticket !== this.#generation) return this.#late.inc();
    if (this.#state === 'half-open') this.#recordTrial(outcome, this.#clock.monotonic(), retryAfterMs);
    else if (this.#state === 'closed') this.#recordCall(outcome, durationMs, retryAfterMs);
  }

  /**
   * Makes a call under the breaker. What it throws counts as a failure, unless the caller's signal has aborted.
   * @throws SpillwayError SPILLWAY_BREAKER_OPEN when the call is refused, with `retryAfterMs`.
   */
  async execute<T>(call: Call<T>, options?: ExecuteOptions): Promise<T> {
    const ticket = this.tryAcquire();
    if (ticket === REFUSED) throw this.refusal();
    const isTimed = this.#slowCallMs < Infinity;
    const startMs = isTimed ? this.#clock.monotonic() : 0;
    try {
      const value = await call(options?.signal);
      this.record(ticket, 'success', isTimed ? this.#clock.monotonic() - startMs : 0);
      return value;
    } catch (error) {
      const outcome = options?.signal?.aborted ? 'ignored' : 'failure';
      this.record(ticket, outcome, isTimed ? this.#clock.monotonic() - startMs : 0);
      throw error;
    }
  }

  /** The error that stands for a refused call. */
  refusal(): SpillwayError {
    const { retryAfterMs } = this;
    return new SpillwayError(
      'SPILLWAY_BREAKER_OPEN',
      `The breaker of '${this.name}' is ${this.state}; the call was not made.`,
      Number.isFinite(retryAfterMs) ? { retryAfterMs } : {},
    );
  }

  /** Another process has opened for the same dependency: within `forMs`, one failure is enough here. */
  hint(forMs: number): void {
    const untilMs = this.#clock.monotonic() + Math.min(forMs, this.#options.openForMax);
    this.#hintedUntilMs = Math.max(this.#hintedUntilMs, untilMs);
  }

  /** Opens by hand, until {@link enable}. */
  isolate(): void {
    this.setMode('isolated');
  }

  /** Back to work after {@link isolate} or {@link setMode}, closed and with nothing counted. */
  enable(): void {
    this.setMode('enabled');
  }

  setMode(mode: ResolvedBreakerOptions['mode']): void {
    if (mode === this.#mode) return;
    const from = this.state;
    this.#mode = mode;
    this.#openings = 0;
    this.#enter('closed');
    if (from !== this.state) this.#announce(from, 'byHand', 0);
  }

  #acquireWithCare(): Ticket {
    if (this.#mode === 'disabled') return UNCOUNTED;
    if (this.#mode === 'isolated') return this.#refuse();
    if (this.#state === 'closed') return this.#generation;
    const nowMs = this.#clock.monotonic();
    if (this.#state === 'open' && nowMs >= this.#openUntilMs) this.#halfOpen(nowMs);
    if (this.#state === 'half-open' && this.#recovery.admits(nowMs)) return this.#generation;
    return this.#mode === 'metricsOnly' ? UNCOUNTED : this.#refuse();
  }

  #refuse(): Ticket {
    this.#refused.inc();
    return REFUSED;
  }

  #recordCall(outcome: Outcome, durationMs: number, retryAfterMs: number): void {
    const failed = outcome !== 'success';
    const slow = durationMs >= this.#slowCallMs;
    if (!failed && !slow) {
      this.#inARow = 0;
      return this.#window.record(false, false, this.#coarseTime.nowMs);
    }
    const nowMs = this.#clock.monotonic();
    this.#window.record(failed, slow, nowMs);
    if (outcome === 'gatewayError') this.#inARow++;
    else this.#inARow = 0;
    const hinted = failed && outcome !== 'throttled' && nowMs < this.#hintedUntilMs;
    const reason = hinted ? 'hinted' : this.#reasonToOpen();
    if (reason) this.#open(reason, nowMs, retryAfterMs);
  }

  #reasonToOpen(): BreakerReason | undefined {
    const { failures, consecutiveFailures, minimumCalls, failureRate, slowCallRate } = this.#options;
    if (consecutiveFailures > 0 && this.#inARow >= consecutiveFailures) return 'consecutiveFailures';
    if (failures !== undefined && this.#window.failures >= failures) return 'failures';
    const { calls } = this.#window;
    if (calls < minimumCalls) return undefined;
    if (this.#window.failures >= failureRate * calls) return 'failureRate';
    return this.#window.slow > 0 && this.#window.slow >= slowCallRate * calls ? 'slowCallRate' : undefined;
  }

  #recordTrial(outcome: Outcome, nowMs: number, retryAfterMs: number): void {
    const before = this.#recovery.share;
    const step = this.#recovery.record(outcome === 'success', nowMs);
    if (step === 'stay') return;
    if (step === 'reopen') return this.#open('trialFailed', nowMs, retryAfterMs);
    if (step === 'close') {
      this.#openings = 0;
      return this.#change('closed', 'recovered', 0);
    }
    this.#generation++;
    if (before !== this.#recovery.share) this.events.emit('shareChanged', { name: this.name, share: this.#recovery.share });
  }

  #open(reason: BreakerReason, nowMs: number, retryAfterMs: number): void {
    const { openFor, openForMax, retryAfterMax } = this.#options;
    const ownMs = jitter(this.#random, Math.min(openForMax, openFor * 2 ** this.#openings), 0.2);
    const openForMs = Math.max(ownMs, Math.min(retryAfterMs, retryAfterMax));
    this.#openings++;
    this.#openUntilMs = nowMs + openForMs;
    this.#hintedUntilMs = -Infinity;
    this.#opened.inc();
    this.#change('open', reason, openForMs);
  }

  #halfOpen(nowMs: number): void {
    this.#recovery.begin(nowMs);
    this.#change('half-open', 'openTimePassed', 0);
  }

  #change(to: BreakerState, reason: BreakerReason, openForMs: number): void {
    const from = this.#state;
    this.#enter(to);
    this.#announce(from, reason, openForMs);
  }

  #enter(state: BreakerState): void {
    this.#state = state;
    this.#generation++;
    this.#inARow = 0;
    this.#window.clear();
    this.#stateNumber.set(STATE_NUMBERS[this.state]);
  }

  #announce(from: BreakerState, reason: BreakerReason, openForMs: number): void {
    this.events.emit('stateChanged', { name: this.name, from, to: this.state, reason, openForMs });
  }
}
