import {
  Events,
  parseOptions,
  runtimeFrom,
  type Clock,
  type MetricsSnapshot,
  type Runtime,
  type Timer,
} from '../kernel/index.ts';
import { Alerting } from './alerting.ts';
import { Archive } from './archive.ts';
import { buildOverview } from './build-overview.ts';
import { ChangeWatch } from './change-watch.ts';
import { breakersOf, conditionsOf, endpointsOf, type BreakerState, type UpstreamTraffic } from './conditions.ts';
import type { HealthEvents } from './events.ts';
import { metricsText, type MetricsFormat } from './exposition.ts';
import { mergeMachines, type FleetSlice } from './fleet-history.ts';
import { FleetTotals, type FleetFamily } from './fleet.ts';
import { SqliteHistory, type HistoryStore } from './history-store.ts';
import { History } from './history.ts';
import { LeakWatch } from './leak-watch.ts';
import type { Post } from './notifier.ts';
import { healthOptions, type HealthOptions, type HealthSettings } from './options.ts';
import { endpointRows } from './endpoint-rows.ts';
import type { EndpointRow, Overview, ServiceFacts } from './overview.ts';
import { SignalReader } from './signals.ts';
import { StatusJudge, type Condition, type Status, type VitalSigns } from './status.ts';
import { Timeline, type Change } from './timeline.ts';
import { VerdictTeller } from './verdict-report.ts';
import { WorkerWatch, type WorkerState } from './workers.ts';

/** What health is told by the rest of the house. */
export interface HealthSources {
  /** A snapshot of each worker's metrics. One that does not answer is left out. */
  readonly sources: () => Promise<readonly MetricsSnapshot[]>;
  /** What is broken beyond what the metrics tell. */
  readonly conditions?: () => readonly Condition[];
  /** What the cluster knows of its workers. */
  readonly workers?: () => readonly WorkerState[];
  /** What the cache has behind memory, as the dashboard names it: `Redis`. Default: nothing. */
  readonly storeName?: string;
  /** The declared p95 objective of route classes, in ms. */
  readonly classObjectives?: ReadonlyMap<string, number>;
  /** Where history is kept. Default: SQLite at `history.file`, or nowhere without one. */
  readonly historyStore?: HistoryStore;
  /** How notifications are posted. Default: `fetch` with 5 s. */
  readonly post?: Post;
}

/** Verdicts look at the last 10 seconds, and need this many requests in them to speak of errors or times. */
const WINDOW_SECONDS = 10;
const TELLING_REQUESTS = 10;
/** Alerts look at the last minute. */
const ALERT_SECONDS = 60;
/** No word from the workers for this long: the verdict is unknown. */
const SILENCE_MS = 5000;
/** Seconds of many machines would be much to read, and are saved only every ten. */
const FLEET_STEP_MS = 10_000;
/** A late collect fills at most this many seconds of history with its mean; more than that is a gap. */
const LONGEST_FILL_SECONDS = 5;

/** Last snapshots that wait to be added up; more workers than this do not end within a second. */
const MAX_ENDED = 256;

/**
 * Watches a service: asks the workers every second what they counted, keeps it through time, judges it, and says so.
 * @throws ConfigError naming every wrong option.
 */
export function createHealth(options: HealthOptions & HealthSources, runtime: Partial<Runtime> = {}): Health {
  const { sources, conditions, workers, storeName, classObjectives, historyStore, post, ...rest } = options;
  const given = { sources, conditions, workers, storeName, classObjectives, historyStore, post } as HealthSources;
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
  readonly #workers = new WorkerWatch();
  readonly #leaks = new LeakWatch();
  readonly #changes = new ChangeWatch();
  readonly #judge: StatusJudge;
  readonly #teller = new VerdictTeller();
  readonly #alerting: Alerting;
  readonly #archive: Archive | undefined;
  #overview: Overview;
  #ended: MetricsSnapshot[] = [];
  #endpoints: readonly EndpointRow[] = [];
  #breakers: readonly BreakerState[] = [];
  #lastCollectMs: number;
  #lastAnswerMs: number;
  #collecting: Promise<void> | undefined;
  #gathering: Promise<boolean> | undefined;
  #timer: Timer | undefined;

  /** @param settings as {@link createHealth} resolves them. */
  constructor(settings: HealthSettings, given: HealthSources, runtime: Partial<Runtime> = {}) {
    const { clock, random } = runtimeFrom(runtime);
    this.#settings = settings;
    this.#given = given;
    this.#clock = clock;
    this.history = new History(settings.history.maxSignals);
    this.timeline = new Timeline(clock);
    this.service = { ...settings.service, startedMs: clock.now() };
    this.#judge = new StatusJudge(settings.status, clock.now());
    const { alerts, slo } = settings;
    const classObjectives = given.classObjectives ?? new Map<string, number>();
    const post = given.post ? { post: given.post } : {};
    this.#alerting = new Alerting({ service: settings.service.name, alerts, slo, classObjectives, ...post }, clock, random);
    this.#archive = this.#openArchive();
    this.#lastCollectMs = this.#lastAnswerMs = clock.monotonic();
    this.#overview = this.#look();
    this.#listen();
  }

  /** Loads what an earlier run kept, and begins to watch. */
  async start(): Promise<void> {
    if (this.#timer) return;
    this.#timer = this.#clock.setRepeating(() => void this.collect(), this.#settings.every);
    await this.#archive?.start();
    this.note(this.#changes.startOf(this.service, this.timeline.changes));
    await this.collect();
  }

  async stop(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#alerting.stop();
    await this.#collecting;
    await this.#archive?.stop();
  }

  /** The verdict, since when, and why. */
  status(): Status {
    return this.#judge.status;
  }

  /** Everything of this moment, as the dashboard shows it. */
  overview(): Overview {
    return this.#overview;
  }

  /** All workers' metrics, added up anew. Read them at once: they go on counting. */
  async families(): Promise<Iterable<FleetFamily>> {
    await this.#gather();
    return this.#fleet.families;
  }

  /** All workers' metrics as text, in pieces. They are asked anew, so that a scrape is never behind. */
  async *metrics(format: MetricsFormat = 'prometheus'): AsyncGenerator<string> {
    await this.#gather();
    yield* metricsText(this.#fleet.families, format, this.#clock);
  }

  /** The objectives and alerts of the policy as a Prometheus rule file. */
  prometheusRules(): string {
    return this.#alerting.prometheusRules();
  }

  /** A Grafana board of the same metrics and objectives, as a JSON model. */
  grafanaBoard(): unknown {
    return this.#alerting.grafanaBoard();
  }

  /** Nobody is told of an alert for a while; it still shows. `alert` is its key: `SpillwayErrorsHigh`. */
  silence(alert: string, forMs: number): void {
    this.#alerting.silence(alert, forMs);
  }

  /**
   * Signals of all machines that keep their history in the same Redis, in steps of 10 s or more; of this machine alone where
   * there is none.
   */
  async fleetHistory(signals: readonly string[], fromMs: number, toMs: number, stepMs = 0): Promise<FleetSlice> {
    const wantedStepMs = Math.max(FLEET_STEP_MS, stepMs);
    // Of the step that has just begun the others have not told yet: it would look as if they had stopped.
    const own = this.history.slice(signals, fromMs, toMs - wantedStepMs, wantedStepMs);
    const others = await this.#archive?.others({ signals, stepMs: own.stepMs, fromMs: own.fromMs, toMs });
    return mergeMachines(own, others ?? []);
  }

  /** Puts something on the timeline that may explain what the charts show. */
  note(change: Omit<Change, 'id' | 'atMs'>): void {
    const noted = this.timeline.add(change);
    this.#archive?.keepChange(noted);
    this.events.emit('change', noted);
  }

  /**
   * Takes the last snapshot of a worker that ends, so that nothing it counted is lost. A worker sends it when its last
   * request is answered.
   */
  take(snapshot: MetricsSnapshot): void {
    if (this.#ended.push(snapshot) > MAX_ENDED) this.#ended.shift();
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
    this.#keep(seconds);
    this.#alerting.count(this.#fleet);
    this.#leaks.update(this.#fleet.present, this.#clock.now());
    this.#watchChanges(seconds);
    this.#fleet.endInterval();
    this.#assess();
    this.#alerting.evaluate(this.#lastMinute(), this.status(), this.#leaks.findings());
    this.#publish();
  }

  /** Adds what the workers counted since they were last asked; false when none answers. */
  #gather(): Promise<boolean> {
    return (this.#gathering ??= this.#addUp().finally(() => (this.#gathering = undefined)));
  }

  async #addUp(): Promise<boolean> {
    // Those that end while the others are asked wait for the next time: their answer may still be among these.
    const ended = this.#ended.splice(0);
    const snapshots = await this.#ask();
    for (const snapshot of ended) await this.#fleet.absorb(snapshot);
    if (snapshots.length > 0) await this.#fleet.collectInSlices(snapshots);
    return snapshots.length > 0;
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
    if (seconds <= 0) return;
    const { values } = this.#reader.read(this.#fleet, seconds);
    const nowSecond = Math.floor(this.#clock.now() / 1000);
    const covered = Math.max(1, Math.min(Math.round(seconds), LONGEST_FILL_SECONDS));
    for (let second = nowSecond - covered + 1; second <= nowSecond; second++) {
      this.history.write({ stepMs: 1000, atMs: second * 1000, values });
      this.#archive?.keep(0, second * 1000);
      if ((second + 1) % 10 === 0) this.#summarise(1, (second - 9) * 1000);
      if ((second + 1) % 60 === 0) this.#summarise(2, (second - 59) * 1000);
    }
  }

  /** Percentiles do not average: those of a coarser step are taken over all its requests. */
  #summarise(tier: 1 | 2, atMs: number): void {
    const values = this.history.summarise(tier, atMs);
    for (const [signal, value] of this.#reader.window(tier === 1 ? 10 : 60).values) values.set(signal, value);
    this.history.write({ stepMs: tier === 1 ? 10_000 : 60_000, atMs, values });
    this.#archive?.keep(tier, atMs);
  }

  #watchChanges(seconds: number): void {
    const { present } = this.#fleet;
    const workers = this.#workers.update(present, Math.max(0.001, seconds), this.#given.workers?.() ?? [], (worker) =>
      this.#leaks.verdictOf(worker),
    );
    this.#endpoints = endpointRows(endpointsOf(present), this.#fleet, Math.max(0.001, seconds));
    this.#breakers = breakersOf(this.#fleet);
    for (const change of this.#changes.update(workers, this.#endpoints, this.#breakers)) this.note(change);
  }

  #assess(): void {
    const before = this.status();
    const conditions = [
      ...conditionsOf(this.#endpoints, this.#upstreamTraffic(), this.#breakers),
      ...(this.#given.conditions?.() ?? []),
    ];
    const status = this.#judge.judge(this.#vitalSigns(), conditions, this.#clock.now());
    if (status.verdict === before.verdict) return;
    const first = before.verdict === 'unknown' && status.verdict === 'healthy';
    const text = status.causes[0] ? `${status.verdict}: ${status.causes[0].text}` : first ? 'healthy' : 'healthy again';
    this.note({ kind: 'verdict', text, tone: status.verdict === 'healthy' ? 'good' : 'bad' });
    if (status.verdict === 'critical') this.events.emit('critical', status);
    else if (status.verdict === 'degraded') this.events.emit('degraded', status);
    else if (!first) this.events.emit('recovered', status);
  }

  #upstreamTraffic(): UpstreamTraffic[] {
    const recent = (signal: string): number => this.history.recent(signal, 2, this.#clock.now()) ?? 0;
    return this.#reader.followed('upstream').map((upstream) => ({
      upstream,
      rate: recent(`upstream.${upstream}.rate`),
      failures: recent(`upstream.${upstream}.failures`),
    }));
  }

  #vitalSigns(): VitalSigns {
    const recent = (signal: string): number | undefined => this.history.recent(signal, WINDOW_SECONDS, this.#clock.now());
    const window = this.#reader.window(10);
    const rate = recent('http.rate') ?? 0;
    const telling = rate * WINDOW_SECONDS >= TELLING_REQUESTS;
    return {
      cpu: recent('cpu.mean'),
      memory: recent('memory.share'),
      errors: telling ? Math.min(1, (recent('http.failed') ?? 0) / rate) : undefined,
      responseTimeMs: this.#reader.count('http', 10) >= TELLING_REQUESTS ? window.get('http.p95') : undefined,
    };
  }

  /** A percentile of the last minute is that of all its requests, not a mean of each second's. */
  #lastMinute(): (signal: string) => number | undefined {
    const window = this.#reader.window(ALERT_SECONDS);
    return (signal) => window.get(signal) ?? this.history.recent(signal, ALERT_SECONDS, this.#clock.now());
  }

  #listen(): void {
    this.#alerting.events.on('transition', (transition) => {
      const { severity, text } = transition.alert;
      const firing = transition.to === 'firing';
      this.note({ kind: 'alert', text: firing ? `${severity}: ${text}` : `over: ${text}`, tone: firing ? 'bad' : 'good' });
      this.events.emit('alert', transition);
    });
    this.#alerting.notifier.events.on('line', ({ text }) => this.events.emit('notice', { text }));
    this.#alerting.notifier.events.on('undelivered', ({ receiver, error }) =>
      this.events.emit('fault', { what: `an alert could not be delivered to the ${receiver}`, error }),
    );
  }

  #openArchive(): Archive | undefined {
    const { file } = this.#settings.history;
    const store = this.#given.historyStore ?? (file === undefined ? undefined : new SqliteHistory(file));
    if (!store) return undefined;
    const parts = { history: this.history, timeline: this.timeline, book: this.#alerting.book, clock: this.#clock };
    return new Archive(store, parts, (error) => this.events.emit('fault', { what: 'history could not be kept', error }));
  }

  #publish(): void {
    this.#overview = this.#look();
    this.events.emit('overview', this.#overview);
    const report = this.#teller.next(this.status(), this.#clock.monotonic());
    if (report) this.events.emit('verdict', report);
  }

  #look(): Overview {
    return buildOverview({
      atMs: this.#clock.now(),
      status: this.status(),
      service: this.service,
      history: this.history,
      window: this.#reader.window(10),
      classes: this.#reader.followed('class'),
      classObjectives: this.#given.classObjectives ?? new Map(),
      objectives: this.#alerting.rows(),
      alerts: this.#alerting.alerts,
      workers: this.#workers.rows,
      endpoints: this.#endpoints,
      storeName: this.#given.storeName,
      breakers: this.#breakers,
      lastChange: this.timeline.changes.at(-1)?.id ?? 0,
    });
  }
}
