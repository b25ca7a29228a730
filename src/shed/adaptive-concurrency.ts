import { z } from 'zod';
import {
  count,
  duration,
  Events,
  Histogram,
  parseOptions,
  runtimeFrom,
  type Clock,
  type Counter,
  type Gauge,
  type Runtime,
} from '../kernel/index.ts';
import { PRIORITIES, type Priority } from '../policy/index.ts';
import { Correlation } from './correlation.ts';
import { WaitingLine, type Waiter } from './waiting-line.ts';

export const adaptiveOptions = z
  .strictObject({
    name: z.string().max(128).default('route').describe('What is limited, in metrics.'),
    initial: count(1).default(20).describe('Requests at once to begin with.'),
    min: count(1).default(1).describe('The fewest.'),
    max: count(1).default(1000).describe('The most.'),
    queue: count(0).default(0).describe('Requests that may wait for a place; 0: refuse at once.'),
    deadline: duration({ min: '1ms' })
      .prefault('1s')
      .describe('How long after its arrival an answer is still of use, unless the caller says.'),
    window: duration({ min: '10ms', max: '30s' })
      .prefault('250ms')
      .describe('How long durations are gathered before the limit moves.'),
    windowSamples: count(1).default(20).describe('How many durations a window needs.'),
  })
  .refine(({ min, initial, max }) => min <= initial && initial <= max, 'min ≤ initial ≤ max must hold');

export type AdaptiveConcurrencyOptions = z.input<typeof adaptiveOptions>;

export interface AdaptiveConcurrencyEvents {
  limitChanged: { readonly name: string; readonly limit: number; readonly queued: number };
}

/** `dropped`: refused or timed out downstream, a sign of overload in itself. `ignored`: says nothing about the load. */
export type WorkOutcome = 'done' | 'dropped' | 'ignored';

/** Shorter work says nothing about queues: it never left the process. */
const SHORTEST_SAMPLE_MS = 0.1;
const CORRELATION_WINDOWS = 50;
const ENOUGH_WINDOWS = 8;
/** How fast the baseline follows durations upwards: about a hundred windows. */
const BASELINE_DRIFT = 0.01;
const SMOOTHING = 0.3;
/** The limit may not run further ahead of what is used than this. */
const MAX_LEAD = 5;

/**
 * Finds by itself how much may run at once, for work that waits on something else: a route before a database, calls to a
 * service. It compares how long work takes with how long it takes when nothing queues (TCP Vegas, as Netflix'
 * concurrency-limits), and lowers the limit only where concurrency and durations move together and throughput does not
 * (as failsafe-go): work that is slow for its own reasons does not look like a queue.
 * @throws ConfigError when options are wrong.
 */
export function createAdaptiveConcurrency(
  options: AdaptiveConcurrencyOptions = {},
  runtime: Partial<Runtime> = {},
): AdaptiveConcurrency {
  return new AdaptiveConcurrency(
    parseOptions(adaptiveOptions, options, 'createAdaptiveConcurrency(options)'),
    runtimeFrom(runtime),
  );
}

export class AdaptiveConcurrency {
  readonly events = new Events<AdaptiveConcurrencyEvents>();
  readonly #options: z.output<typeof adaptiveOptions>;
  readonly #clock: Clock;
  readonly #line: WaitingLine;
  readonly #durations = new Histogram(5);
  readonly #throughputs = new Correlation(CORRELATION_WINDOWS);
  readonly #latencies = new Correlation(CORRELATION_WINDOWS);
  readonly #limitGauge: Gauge;
  readonly #refused: Counter;
  #limit: number;
  #inFlight = 0;
  #mostInFlight = 0;
  #dropped = false;
  #windowStartMs = 0;
  /** Ms, smoothed; 0: unknown. */
  #recentMs = 0;
  /** How long work takes when nothing queues, ms; 0: unknown. */
  #baselineMs = 0;
  #medianMs = 0;

  constructor(options: z.output<typeof adaptiveOptions>, runtime: Runtime) {
    this.#options = options;
    this.#clock = runtime.clock;
    this.#limit = options.initial;
    this.#line = new WaitingLine(options.queue);
    const { metrics } = runtime;
    const labels = { name: options.name };
    this.#limitGauge = metrics
      .gauge({ name: 'spillway_shed_concurrency_limit', help: 'Requests that may run at once.', labels: ['name'] })
      .series(labels);
    this.#refused = metrics
      .counter({ name: 'spillway_shed_concurrency_refused', help: 'Requests refused because too many ran.', labels: ['name'] })
      .series(labels);
    this.#limitGauge.set(this.#limit);
    this.#windowStartMs = runtime.clock.monotonic();
  }

  /** Requests that may run at once now. */
  get limit(): number {
    return Math.floor(this.#limit);
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  get waiting(): number {
    return this.#line.size;
  }

  /** Takes a place if one is free; every place taken must be released. */
  tryAcquire(): boolean {
    if (this.#inFlight >= this.limit || this.#line.size > 0) {
      this.#refused.inc();
      return false;
    }
    this.#enter();
    return true;
  }

  /**
   * Takes a place, waiting for one as long as the answer can still come in time. False: refused.
   * @param deadlineMs how long from now an answer is of use; by default the option `deadline`.
   */
  async acquire(
    priority: Priority = 'normal',
    deadlineMs: number = this.#options.deadline,
    signal?: AbortSignal,
  ): Promise<boolean> {
    if (this.#inFlight < this.limit && this.#line.size === 0) {
      this.#enter();
      return true;
    }
    const admitted = await this.#waitForPlace(PRIORITIES.indexOf(priority), deadlineMs, signal);
    if (!admitted) this.#refused.inc();
    return admitted;
  }

  /** Gives a place back, with how long the work took. */
  release(tookMs: number, outcome: WorkOutcome = 'done'): void {
    const inFlight = this.#inFlight--;
    if (outcome === 'dropped') this.#dropped = true;
    else if (outcome === 'done' && tookMs >= SHORTEST_SAMPLE_MS) this.#durations.record(tookMs * 1000);
    this.#mostInFlight = Math.max(this.#mostInFlight, inFlight);
    const nowMs = this.#clock.monotonic();
    if (
      nowMs - this.#windowStartMs >= this.#options.window &&
      (this.#dropped || this.#durations.count >= this.#options.windowSamples)
    )
      this.#turnWindow(nowMs);
    this.#serveLine(nowMs);
  }

  #enter(): void {
    this.#inFlight++;
  }

  #waitForPlace(priorityIndex: number, deadlineMs: number, signal: AbortSignal | undefined): Promise<boolean> {
    const nowMs = this.#clock.monotonic();
    const expectedMs = this.#medianMs * (1 + this.#line.aheadOf(priorityIndex) / Math.max(1, this.limit));
    if (this.#options.queue === 0 || expectedMs > deadlineMs || signal?.aborted) return Promise.resolve(false);
    return new Promise((resolve) => {
      const onAbort = (): void => {
        waiter.gone = true;
        resolve(false);
      };
      const waiter: Waiter = {
        priorityIndex,
        sinceMs: nowMs,
        deadlineMs: nowMs + deadlineMs,
        gone: false,
        settle: (admitted) => {
          signal?.removeEventListener('abort', onAbort);
          timer.cancel();
          resolve(admitted);
        },
      };
      const timer = this.#clock.setTimer(onAbort, deadlineMs);
      signal?.addEventListener('abort', onAbort, { once: true });
      if (!this.#line.join(waiter)) waiter.settle(false);
    });
  }

  #serveLine(nowMs: number): void {
    while (this.#inFlight < this.limit) {
      const waiter = this.#line.next(nowMs, this.#medianMs);
      if (!waiter) return;
      this.#enter();
      waiter.settle(true);
    }
  }

  #turnWindow(nowMs: number): void {
    const spanMs = nowMs - this.#windowStartMs;
    const throughput = this.#durations.count / spanMs;
    // The median: a queue delays everyone, while a few slow answers are the work's own.
    const tookMs = this.#durations.quantile(0.5) / 1000;
    if (this.#durations.count > 0) {
      this.#medianMs = tookMs;
      this.#recentMs = this.#recentMs === 0 ? tookMs : this.#recentMs + SMOOTHING * (tookMs - this.#recentMs);
      const lower = this.#baselineMs === 0 || this.#recentMs < this.#baselineMs;
      this.#baselineMs = lower ? this.#recentMs : this.#baselineMs + BASELINE_DRIFT * (this.#recentMs - this.#baselineMs);
      this.#throughputs.add(this.#mostInFlight, throughput);
      this.#latencies.add(this.#mostInFlight, tookMs);
    }
    this.#move();
    this.#durations.reset();
    this.#dropped = false;
    this.#mostInFlight = this.#inFlight;
    this.#windowStartMs = nowMs;
  }

  #move(): void {
    const { min, max, name } = this.#options;
    const step = Math.max(1, Math.log10(this.#limit));
    const queued = this.#recentMs === 0 ? 0 : this.#limit * (1 - this.#baselineMs / this.#recentMs);
    const before = this.limit;
    if (this.#dropped) this.#limit -= Math.max(step, this.#limit * 0.1);
    else if (queued > 6 * step) this.#limit -= this.#looksLikeQueue() ? Math.max(step, this.#limit * 0.05) : 0;
    else if (queued < 3 * step && this.#mostInFlight * 2 >= this.#limit) this.#limit += queued <= step ? 3 * step : step;
    const lead = Math.max(this.#options.initial, MAX_LEAD * this.#mostInFlight);
    this.#limit = Math.max(min, Math.min(max, lead, this.#limit));
    if (this.limit === before) return;
    this.#limitGauge.set(this.limit);
    this.events.emit('limitChanged', { name, limit: this.limit, queued });
  }

  /** More at once makes it slower, and gets no more done. Before enough is known, slowness alone decides. */
  #looksLikeQueue(): boolean {
    if (this.#throughputs.count < ENOUGH_WINDOWS) return true;
    const withThroughput = this.#throughputs.coefficient;
    if (withThroughput < 0) return true;
    return this.#latencies.coefficient > 0.5 && (withThroughput < 0.3 || this.#throughputs.variation < 0.2);
  }
}
