import {
  Events,
  nearestName,
  parseOptions,
  runtimeFrom,
  type Counter,
  type Family,
  type Gauge,
  type Runtime,
} from '../kernel/index.ts';
import { PRIORITIES, type Priority } from '../policy/index.ts';
import { AdmissionLevel, COHORTS, cohortAt, cohortOf, PLACES } from './admission-level.ts';
import type { ShedEvents, ShedReason } from './events.ts';
import { shedOptions, type ResolvedShedderOptions, type ShedderOptions } from './options.ts';
import { Patience } from './patience.ts';
import { QueueDelay } from './queue-delay.ts';
import { Signals } from './signals.ts';

/** What is known of a request when it asks to be admitted. */
export interface AdmissionRequest {
  readonly priority: Priority;
  /** Name of the route class, for metrics and events. */
  readonly className: string;
  /** Keeps one user's requests together: all admitted or all refused for a while. */
  readonly user?: string | undefined;
  readonly tier?: string | undefined;
}

export interface Admission {
  readonly admitted: boolean;
  readonly reason: ShedReason | 'ok';
  /** The admission level, 0 … 640, for `x-spillway-level`: callers can spare us what lies beyond. */
  readonly level: number;
  /** The signal's value and what it may be; 0 when admitted. */
  readonly value: number;
  readonly threshold: number;
  /** When to come back, ms; 0 when admitted. */
  readonly retryAfterMs: number;
}

/** What a shedder has to know of the event loop. */
export interface EventLoop {
  /** Runs `fn` once the running turn is over. */
  afterTurn(fn: () => void): unknown;
  /** For how long the loop has waited for something to do, ms in all. */
  idleMs(): number;
}

const thisLoop: EventLoop = { afterTurn: setImmediate, idleMs: () => performance.eventLoopUtilization().idle };

const HOUR_MS = 3_600_000;
/**
 * What has waited less than this share of what it may is admitted whatever the level: without that the loop would run out of
 * work while requests are refused, whenever the level is a little too low.
 */
const HARDLY_WAITED = 0.25;
const INDEX_OF = Object.fromEntries(PRIORITIES.map((priority, index) => [priority, index])) as Record<Priority, number>;

/**
 * Creates a shedder: when the process cannot do everything, it refuses the least deserving work first.
 * @param loop for tests; by default the loop of this process.
 * @throws ConfigError when options are wrong.
 */
export function createShedder(options: ShedderOptions = {}, runtime: Partial<Runtime> = {}, loop: EventLoop = thisLoop): Shedder {
  return new Shedder(parseOptions(shedOptions, options, 'createShedder(options)'), runtimeFrom(runtime), loop);
}

export class Shedder {
  readonly events = new Events<ShedEvents>();
  readonly #options: ResolvedShedderOptions;
  readonly #runtime: Runtime;
  readonly #delay: QueueDelay;
  readonly #signals: Signals;
  readonly #level: AdmissionLevel;
  readonly #patience: Patience;
  /** Per priority index, ms. */
  readonly #maxWaitMs: readonly number[];
  readonly #tierIndex: ReadonlyMap<string, number>;
  readonly #admittedSeries = new Map<string, Counter>();
  readonly #admissions: Family<Counter>;
  readonly #refusals: Family<Counter>;
  readonly #levelGauge: Gauge;
  readonly #delayGauge: Gauge;
  #ok: Admission;

  constructor(options: ResolvedShedderOptions, runtime: Runtime, loop: EventLoop) {
    this.#options = options;
    this.#runtime = runtime;
    this.#delay = new QueueDelay(runtime.clock, loop.afterTurn);
    this.#signals = new Signals(options.signals, options.signalTtl);
    this.#level = new AdmissionLevel(options, loop.idleMs);
    this.#maxWaitMs = PRIORITIES.map((priority) => options.maxWait[priority]);
    this.#patience = new Patience(this.#maxWaitMs);
    this.#tierIndex = new Map(options.tiers.map((tier, index) => [tier, index]));
    const { metrics } = runtime;
    this.#admissions = metrics.counter({ name: 'spillway_shed_admitted', help: 'Requests admitted.', labels: ['class'] });
    this.#refusals = metrics.counter({
      name: 'spillway_shed_refused',
      help: 'Requests refused because of load.',
      labels: ['class', 'reason'],
    });
    this.#levelGauge = metrics
      .gauge({ name: 'spillway_shed_level', help: 'Admission level: 640 admits all.', across: 'min' })
      .series();
    this.#delayGauge = metrics
      .gauge({
        name: 'spillway_shed_queue_delay_seconds',
        unit: 'seconds',
        help: 'Wait for the event loop of the request last seen.',
      })
      .series();
    this.#levelGauge.set(PLACES);
    this.#ok = okAt(PLACES);
  }

  /**
   * Marks that this turn of the event loop reads requests. Call it at the first request of a turn, as early as it is
   * seen; calling again in the same turn does nothing. {@link admit} calls it too.
   */
  turn(): void {
    this.#delay.turn();
  }

  /** May this request be worked on now? Makes no object when it may. */
  admit(request: AdmissionRequest): Admission {
    this.#delay.turn();
    const nowMs = this.#runtime.clock.monotonic();
    const delayMs = this.#delay.at(nowMs);
    const index = INDEX_OF[request.priority];
    const place = index * COHORTS + this.#cohortOf(request);
    const alarm = this.#signals.alarmFor(index, nowMs);
    const { level } = this.#level;
    const late = this.#patience.isLate(index, delayMs, nowMs);
    const hardlyWaited = delayMs < this.#maxWaitMs[index]! * HARDLY_WAITED;
    const admitted = !late && (place < level || hardlyWaited) && alarm === undefined;
    if (this.#level.offer(place, admitted, late, !hardlyWaited, nowMs)) this.#announceLevel(level, delayMs);
    if (admitted) {
      this.#admittedIn(request.className).inc();
      return this.#ok;
    }
    if (late) return this.#refuse(request, 'queueDelay', delayMs, this.#maxWaitMs[index]!);
    if (alarm) return this.#refuse(request, alarm.signal, alarm.value, alarm.threshold);
    return this.#refuse(request, 'level', place, level);
  }

  /**
   * Takes a value from outside: `health` (0, 1, 2), `memory` (share), `poolWaitMs`, `queueAgeMs`, `operator` (0 to 10), or
   * one of your own that has thresholds in the options. It holds for `holdMs`, by default `signalTtl`.
   */
  report(signal: string, value: number, holdMs?: number): void {
    if (!this.#signals.knows(signal)) {
      const near = nearestName(signal, this.#signals.names);
      throw new RangeError(`the signal '${signal}' has no thresholds${near ? `; did you mean '${near}'?` : ''}`);
    }
    this.#signals.report(signal, value, this.#runtime.clock.monotonic(), holdMs);
  }

  /** The admission level now: 640 admits all, 0 none. */
  get level(): number {
    return this.#level.level;
  }

  /** Ends the lag timer. */
  close(): void {
    this.#delay.stop();
  }

  #cohortOf(request: AdmissionRequest): number {
    const { tiers } = this.#options;
    const tierIndex = this.#tierIndex.get(request.tier ?? '') ?? Math.max(0, tiers.length - 1);
    if (request.user === undefined) return cohortAt(this.#runtime.random.next(), tierIndex, tiers.length);
    return cohortOf(request.user, Math.floor(this.#runtime.clock.now() / HOUR_MS), tierIndex, tiers.length);
  }

  #refuse(request: AdmissionRequest, reason: ShedReason, value: number, threshold: number): Admission {
    const { shadow, retryAfterMin, retryAfterMax } = this.#options;
    this.#refusals.series({ class: request.className, reason: shadow ? `shadow ${reason}` : reason }).inc();
    if (this.events.has('refused')) {
      const { className, priority } = request;
      this.events.emit('refused', { className, priority, reason, value, threshold, shadow });
    }
    if (shadow) return this.#ok;
    const retryAfterMs = Math.round(retryAfterMin + this.#runtime.random.next() * (retryAfterMax - retryAfterMin));
    return { admitted: false, reason, level: this.#level.level, value, threshold, retryAfterMs };
  }

  #admittedIn(className: string): Counter {
    let series = this.#admittedSeries.get(className);
    if (!series) this.#admittedSeries.set(className, (series = this.#admissions.series({ class: className })));
    return series;
  }

  #announceLevel(before: number, delayMs: number): void {
    this.#delayGauge.set(delayMs / 1000);
    const { level } = this.#level;
    if (level === before) return;
    this.#ok = okAt(level);
    this.#levelGauge.set(level);
    this.events.emit('levelChanged', { level, queueDelayMs: delayMs });
  }
}

function okAt(level: number): Admission {
  return Object.freeze({ admitted: true, reason: 'ok', level, value: 0, threshold: 0, retryAfterMs: 0 });
}
