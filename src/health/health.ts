import {
  Events,
  parseOptions,
  runtimeFrom,
  type Clock,
  type MetricsSnapshot,
  type Runtime,
  type Timer,
} from '../kernel/index.ts';
import { buildOverview } from './build-overview.ts';
import { breakersOf, conditionsOf, endpointsOf, type EndpointState } from './conditions.ts';
import type { HealthEvents } from './events.ts';
import { metricsText, type MetricsFormat } from './exposition.ts';
import { FleetTotals } from './fleet.ts';
import { History } from './history.ts';
import { healthOptions, type HealthOptions, type HealthSettings } from './options.ts';
import type { Overview, ServiceFacts } from './overview.ts';
import { SignalReader } from './signals.ts';
import { StatusJudge, type Condition, type Status, type VitalSigns } from './status.ts';
import { Timeline, type Change } from './timeline.ts';
import { WorkerWatch, type WorkerState } from './workers.ts';

/** What health is told by the rest of the house. */
export interface HealthSources {
  /** A snapshot of each worker's metrics. One that does not answer is left out. */
  readonly sources: () => Promise<readonly MetricsSnapshot[]>;
  /** What is broken beyond what the metrics tell. */
  readonly conditions?: () => readonly Condition[];
  /** What the cluster knows of its workers. */
  readonly workers?: () => readonly WorkerState[];
  /** The declared p95 objective of route classes, in ms. */
  readonly classObjectives?: ReadonlyMap<string, number>;
}

/** Verdicts look at the last 10 seconds, and need this many requests in them to speak of errors or times. */
const WINDOW_SECONDS = 10;
const TELLING_REQUESTS = 10;
/** No word from the workers for this long: the verdict is unknown. */
const SILENCE_MS = 5000;
/** A late collect fills at most this many seconds of history with its mean; more than that is a gap. */
const LONGEST_FILL_SECONDS = 5;

/**
 * Watches a service: asks the workers every second what they counted, keeps it through time, judges it, and says so.
 * @throws ConfigError naming every wrong option.
 */
export function createHealth(options: HealthOptions & HealthSources, runtime: Partial<Runtime> = {}): Health {
  const { sources, conditions, workers, classObjectives, ...rest } = options;
  const given = { sources, conditions, workers, classObjectives } as HealthSources;
  return new Health(parseOptions(healthOptions, rest, 'createHealth(options)'), given, runtime);
}

export class Health {
  readonly events = new Events<HealthEvents>();
  readonly history: History;
  readonly timeline: Timeline;
  readonly service: ServiceFacts;
  readonly #settings: HealthSettings;
  readonly #given: HealthSources;
  readonly #clock: Clock;
  readonly #fleet = new FleetTotals();
  readonly #reader = new SignalReader();
  readonly #watch = new WorkerWatch();
  readonly #judge: StatusJudge;
  #overview: Overview;
  #endpoints: readonly EndpointState[] = [];
  #lastCollectMs: number;
  #lastAnswerMs: number;
  #collecting: Promise<void> | undefined;
  #gathering: Promise<boolean> | undefined;
  #timer: Timer | undefined;

  /** @param settings as {@link createHealth} resolves them. */
  constructor(settings: HealthSettings, given: HealthSources, runtime: Partial<Runtime> = {}) {
    const { clock } = runtimeFrom(runtime);
    this.#settings = settings;
    this.#given = given;
    this.#clock = clock;
    this.history = new History(settings.history.maxSignals);
    this.timeline = new Timeline(clock);
    this.service = { ...settings.service, startedMs: clock.now() };
    this.#judge = new StatusJudge(settings.status, clock.now());
    this.#lastCollectMs = clock.monotonic();
    this.#lastAnswerMs = clock.monotonic();
    this.#overview = this.#look();
  }

  /** Begins to watch. */
  start(): void {
    if (this.#timer) return;
    this.note({ kind: 'start', text: `${this.service.name} ${this.service.version}`.trim() + ' started', tone: 'info' });
    this.#timer = this.#clock.setRepeating(() => void this.collect(), this.#settings.every);
    void this.collect();
  }

  async stop(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = undefined;
    await this.#collecting;
  }

  /** The verdict, since when, and why. */
  status(): Status {
    return this.#judge.status;
  }

  /** Everything of this moment, as the dashboard shows it. */
  overview(): Overview {
    return this.#overview;
  }

  /** All workers' metrics as text, in pieces. They are asked anew, so that a scrape is never behind. */
  async *metrics(format: MetricsFormat = 'prometheus'): AsyncGenerator<string> {
    await this.#gather();
    yield* metricsText(this.#fleet.families, format, this.#clock);
  }

  /** Puts something on the timeline that may explain what the charts show. */
  note(change: Omit<Change, 'id' | 'atMs'>): void {
    this.events.emit('change', this.timeline.add(change));
  }

  /** Takes one interval in. Happens by itself every second; two at once are one. */
  collect(): Promise<void> {
    return (this.#collecting ??= this.#collect().finally(() => (this.#collecting = undefined)));
  }

  async #collect(): Promise<void> {
    const answered = await this.#gather();
    const nowMs = this.#clock.monotonic();
    if (!answered) return this.#hearNothing(nowMs);
    const seconds = (nowMs - this.#lastCollectMs) / 1000;
    this.#lastAnswerMs = this.#lastCollectMs = nowMs;
    if (seconds > 0) this.#keep(seconds);
    this.#noteChanges(Math.max(0.001, seconds));
    this.#fleet.endInterval();
    this.#assess();
    this.#publish();
  }

  /** Adds what the workers counted since they were last asked; false when none answers. */
  #gather(): Promise<boolean> {
    return (this.#gathering ??= this.#ask()
      .then((snapshots) => {
        if (snapshots.length > 0) this.#fleet.collect(snapshots);
        return snapshots.length > 0;
      })
      .finally(() => (this.#gathering = undefined)));
  }

  async #ask(): Promise<readonly MetricsSnapshot[]> {
    try {
      return await this.#given.sources();
    } catch (error) {
      this.events.emit('fault', { what: 'the workers could not be asked for their metrics', error });
      return [];
    }
  }

  #hearNothing(nowMs: number): void {
    if (nowMs - this.#lastAnswerMs < SILENCE_MS) return;
    const before = this.status().verdict;
    this.#judge.lose(this.#clock.now() - (nowMs - this.#lastAnswerMs), this.#clock.now());
    if (before !== 'unknown') this.note({ kind: 'verdict', text: 'unknown: the workers do not answer', tone: 'bad' });
    this.#publish();
  }

  /** Writes the interval into history: each second it covered, and the coarser steps that it completed. */
  #keep(seconds: number): void {
    const { values } = this.#reader.read(this.#fleet, seconds);
    const nowSecond = Math.floor(this.#clock.now() / 1000);
    const covered = Math.max(1, Math.min(Math.round(seconds), LONGEST_FILL_SECONDS));
    for (let second = nowSecond - covered + 1; second <= nowSecond; second++) {
      this.history.write({ stepMs: 1000, atMs: second * 1000, values });
      if ((second + 1) % 10 === 0) this.#summarise(1, (second - 9) * 1000);
      if ((second + 1) % 60 === 0) this.#summarise(2, (second - 59) * 1000);
    }
  }

  #summarise(tier: 1 | 2, atMs: number): void {
    const values = this.history.summarise(tier, atMs);
    for (const [signal, value] of this.#reader.window(tier === 1 ? 10 : 60).values)
      if (!signal.endsWith('.count')) values.set(signal, value);
    this.history.write({ stepMs: tier === 1 ? 10_000 : 60_000, atMs, values });
  }

  #noteChanges(seconds: number): void {
    const snapshots = this.#fleet.present;
    for (const { name, what } of this.#watch.update(snapshots, seconds, this.#given.workers?.() ?? []))
      this.note({
        kind: 'worker',
        text: `worker ${name} ${what === 'gone' ? 'is gone' : what}`,
        tone: what === 'gone' ? 'bad' : 'info',
      });
    const before = new Map(this.#endpoints.map((one) => [`${one.upstream} ${one.endpoint}`, one.up]));
    this.#endpoints = endpointsOf(snapshots);
    for (const { upstream, endpoint, up } of this.#endpoints) {
      if ((before.get(`${upstream} ${endpoint}`) ?? true) === up) continue;
      this.note({ kind: 'upstream', text: `${endpoint} of ${upstream} is ${up ? 'back' : 'down'}`, tone: up ? 'good' : 'bad' });
    }
  }

  #assess(): void {
    const before = this.status();
    const conditions = [...conditionsOf(this.#fleet.present), ...(this.#given.conditions?.() ?? [])];
    const status = this.#judge.judge(this.#vitalSigns(), conditions, this.#clock.now());
    if (status.verdict === before.verdict) return;
    const first = before.verdict === 'unknown' && status.verdict === 'healthy';
    const text = status.causes[0] ? `${status.verdict}: ${status.causes[0].text}` : first ? 'healthy' : 'healthy again';
    this.note({ kind: 'verdict', text, tone: status.verdict === 'healthy' ? 'good' : 'bad' });
    if (status.verdict === 'critical') this.events.emit('critical', status);
    else if (status.verdict === 'degraded') this.events.emit('degraded', status);
    else if (!first) this.events.emit('recovered', status);
  }

  #vitalSigns(): VitalSigns {
    const recent = (signal: string): number | undefined => this.history.recent(signal, WINDOW_SECONDS, this.#clock.now());
    const window = this.#reader.window(10);
    const rate = recent('http.rate') ?? 0;
    const telling = rate * WINDOW_SECONDS >= TELLING_REQUESTS;
    return {
      cpu: recent('cpu.mean'),
      memory: recent('memory.share'),
      errors: telling ? Math.min(1, (recent('http.5xx') ?? 0) / rate) : undefined,
      responseTimeMs: (window.get('http.count') ?? 0) >= TELLING_REQUESTS ? window.get('http.p95') : undefined,
    };
  }

  #publish(): void {
    this.#overview = this.#look();
    this.events.emit('overview', this.#overview);
  }

  #look(): Overview {
    const classes = [...this.history.signals].flatMap((signal) => /^class\.(.+)\.rate$/.exec(signal)?.[1] ?? []);
    return buildOverview({
      atMs: this.#clock.now(),
      status: this.status(),
      service: this.service,
      history: this.history,
      window: this.#reader.window(10),
      classes,
      classObjectives: this.#given.classObjectives ?? new Map(),
      workers: this.#watch.rows,
      endpoints: this.#endpoints,
      breakers: breakersOf(this.#fleet.present),
      lastChange: this.timeline.changes.at(-1)?.id ?? 0,
    });
  }
}
