import {
  Events,
  parseOptions,
  runtimeFrom,
  type Clock,
  type Counter,
  type Family,
  type Gauge,
  type Runtime,
  type Timing,
} from '../kernel/index.ts';
import { recorderOptions, type RecorderOptions } from './recorder-options.ts';

/** A query slower than the limit, for those who want to know it by itself. */
export interface SlowQuery {
  readonly query: string;
  readonly durationMs: number;
}

export interface RecorderEvents {
  slowQuery: SlowQuery;
}

/** Measures something that is going on. */
export interface RunningTimer {
  /** Ends it and returns how long it took, ms. Later calls change nothing. */
  stop(): number;
}

/**
 * Counts what your own code does, into the same metrics, history and dashboard as Spillway's own rooms. Names are bounded:
 * what comes after is counted under `other`.
 * @throws ConfigError naming every wrong option.
 */
export function createRecorder(options: RecorderOptions = {}, runtime: Partial<Runtime> = {}): Recorder {
  return new Recorder(parseOptions(recorderOptions, options, 'createRecorder(options)'), runtimeFrom(runtime));
}

interface OpenRequest {
  readonly route: string;
  readonly startedMs: number;
}

export class Recorder {
  readonly events = new Events<RecorderEvents>();
  readonly #settings: ReturnType<typeof recorderOptions.parse>;
  readonly #clock: Clock;
  readonly #requests: Family<Counter>;
  readonly #durations: Family<Timing>;
  readonly #inFlight: Gauge;
  readonly #abandoned: Counter;
  readonly #timers: Family<Timing>;
  readonly #counts: Family<Counter>;
  readonly #queries: Family<Timing>;
  readonly #queryFailures: Family<Counter>;
  readonly #open = new Map<number, OpenRequest>();
  #lastId = 0;

  constructor(settings: ReturnType<typeof recorderOptions.parse>, { clock, metrics }: Runtime) {
    this.#settings = settings;
    this.#clock = clock;
    const unit = 'seconds';
    this.#requests = metrics.counter({
      name: 'spillway_app_requests',
      help: 'Requests your code recorded, by how they ended.',
      labels: ['route', 'outcome'],
    });
    this.#durations = metrics.timing({
      name: 'spillway_app_request_duration_seconds',
      unit,
      help: 'How long they took.',
      labels: ['route'],
    });
    this.#inFlight = metrics
      .gauge({ name: 'spillway_app_in_flight', help: 'Requests your code has begun and not completed.' })
      .series();
    this.#abandoned = metrics
      .counter({
        name: 'spillway_app_abandoned',
        help: 'Requests begun, never completed, and forgotten because too many were open.',
      })
      .series();
    this.#timers = metrics.timing({
      name: 'spillway_app_timer_seconds',
      unit,
      help: 'What your code timed, by name.',
      labels: ['name'],
    });
    this.#counts = metrics.counter({ name: 'spillway_app_events', help: 'What your code counted, by name.', labels: ['name'] });
    this.#queries = metrics.timing({
      name: 'spillway_app_query_seconds',
      unit,
      help: 'Queries your code tracked, by their first word.',
      labels: ['operation'],
    });
    this.#queryFailures = metrics.counter({
      name: 'spillway_app_query_failures',
      help: 'Of these, those that failed.',
      labels: ['operation'],
    });
    metrics.onCollect(() => this.#inFlight.set(this.#open.size));
  }

  /** A request begins. @returns its id, for {@link recordRequestComplete}. */
  recordRequestStart(route: string): number {
    const id = ++this.#lastId;
    this.#open.set(id, { route, startedMs: this.#clock.monotonic() });
    if (this.#open.size > this.#settings.maxOpen) {
      this.#open.delete(this.#open.keys().next().value!);
      this.#abandoned.inc();
    }
    return id;
  }

  /**
   * A request ends. An id that is unknown, or was completed already, is ignored.
   * @param durationMs default: the time since its start.
   */
  recordRequestComplete(id: number, durationMs?: number, ok = true): void {
    const request = this.#open.get(id);
    if (!request) return;
    this.#open.delete(id);
    this.#requests.series({ route: request.route, outcome: ok ? 'ok' : 'failed' }).inc();
    this.#durations.series({ route: request.route }).observe(durationMs ?? this.#clock.monotonic() - request.startedMs);
  }

  /** Begins to time something. */
  timer(name: string): RunningTimer {
    const startedMs = this.#clock.monotonic();
    let tookMs: number | undefined;
    return {
      stop: () => {
        if (tookMs === undefined) this.#timers.series({ name }).observe((tookMs = this.#clock.monotonic() - startedMs));
        return tookMs;
      },
    };
  }

  /** Times `work`, also when it fails, and returns what it returns. */
  async time<Result>(name: string, work: () => Promise<Result> | Result): Promise<Result> {
    const timer = this.timer(name);
    try {
      return await work();
    } finally {
      timer.stop();
    }
  }

  /** Counts something that happened. */
  count(name: string, by = 1): void {
    this.#counts.series({ name }).inc(by);
  }

  /** A query ended. Its text is not a label: only its first word is, and only slow ones are told as a whole. */
  trackQuery(query: string, durationMs: number, ok = true): void {
    const operation = /^\s*(\w{1,20})/.exec(query)?.[1]?.toLowerCase() ?? 'other';
    this.#queries.series({ operation }).observe(durationMs);
    if (!ok) this.#queryFailures.series({ operation }).inc();
    if (durationMs >= this.#settings.slowQuery) this.events.emit('slowQuery', { query: query.slice(0, 2000), durationMs });
  }
}
