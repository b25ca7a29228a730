import type { ValueStore } from '../cache/index.ts';
import { type Clock, type Events, type Random, randomInt, type Runtime, type Timer } from '../kernel/index.ts';
import { PRIORITIES, type Priority, type RouteMatch } from '../policy/index.ts';
import type { Upstream } from '../ports/index.ts';
import type { PageEvents } from './events.ts';
import { FleetRoster } from './fleet-roster.ts';
import { FleetSlots } from './fleet-slots.ts';
import type { FlightOutcome } from './flight.ts';
import type { Flights } from './flights.ts';
import { type Keeper, withoutPart } from './keeper.ts';
import { primaryKey, selectingValues } from './key.ts';
import type { PageSettings } from './options.ts';
import { type KnownPage, PageBook } from './page-book.ts';
import { AnalyticsLog, type RegenerationAnalytics } from './regeneration-analytics.ts';
import { type QueueAnswer, type RegenerationJob, RegenerationQueue, type RegenerationResult } from './regeneration-queue.ts';
import { regenerationAdvice, type RegenerationAdvice, type RegenerationReason } from './schedule.ts';
import type { PageEntry, StoredPage } from './stored-page.ts';
import { routeTags } from './tags.ts';
import { varyNames } from './variants.ts';
import type { FillTarget } from './visit.ts';
import { Warming, type WarmingReport } from './warming.ts';

/** How hard the process works: regeneration gives way to live traffic. */
export type Pressure = 'none' | 'degraded' | 'critical';

export interface RegeneratorParts {
  readonly options: PageSettings;
  readonly runtime: Runtime;
  readonly store: ValueStore<PageEntry>;
  readonly keeper: Keeper;
  readonly flights: Flights;
  readonly events: Events<PageEvents>;
  /** The route of a path, for pages nobody has asked for yet. */
  readonly match: ((path: string) => RouteMatch | undefined) | undefined;
  readonly upstream: Upstream | undefined;
  readonly pressure: () => Pressure;
}

const SWEEP_MS = 60_000;
/** A process tells of pages that reach a quarter of its equal part of what makes a page much read. */
const TELLING_SHARE = 4;
const MOST_TOLD = 200;
/** What runs under which pressure. */
const ALLOWED: Readonly<Record<Pressure, readonly Priority[]>> = {
  none: PRIORITIES,
  degraded: ['critical', 'high'],
  critical: [],
};

/** Keeps pages new without anybody waiting: by schedule, by popularity, by report of a change, by request, by foresight. */
export class Regenerator {
  readonly #parts: RegeneratorParts;
  readonly #clock: Clock;
  readonly #book: PageBook;
  readonly #queue: RegenerationQueue;
  readonly #roster: FleetRoster;
  readonly #log = new AnalyticsLog();
  readonly #warming: Warming | undefined;
  readonly #sweeping: Timer;

  constructor(parts: RegeneratorParts) {
    const { options, runtime, store } = parts;
    const { regeneration, predict } = options;
    this.#parts = parts;
    this.#clock = runtime.clock;
    this.#book = new PageBook(regeneration.maxKnownPages);
    const first = randomInt(runtime.random, regeneration.concurrency);
    const slots = new FleetSlots(store, runtime.clock, regeneration.concurrency, regeneration.perDay, first);
    this.#roster = new FleetRoster(store, runtime, regeneration.maxWaiting, {
      waiting: () => this.#queue.waiting,
      rates: (members) => this.#busiest(members),
      onNews: () => this.#hearFleet(),
    });
    this.#queue = new RegenerationQueue(regeneration, slots, this.#work(), runtime);
    this.#warming = predict.enabled ? new Warming(predict) : undefined;
    this.#sweeping = runtime.clock.setRepeating(() => this.#sweep(), jittered(SWEEP_MS, runtime.random));
    this.#bindMetrics();
  }

  /** Whether the page at `path`, made at `lastGenerated` (ms since the epoch, or undefined), is due. */
  advise(path: string, lastGenerated: number | undefined): RegenerationAdvice {
    const known = this.#book.ofPath(path)[0];
    const route = known?.route ?? this.#parts.match?.(path)?.route;
    const nowMs = this.#clock.now();
    if (route?.cache === undefined) return { shouldRegenerate: false, reason: 'fresh', priority: route?.priority ?? 'normal' };
    const requestsPerHour = known?.traffic.perHour(nowMs) ?? 0;
    const ageMs = lastGenerated === undefined ? undefined : nowMs - lastGenerated;
    return regenerationAdvice(
      { policy: route.cache, priority: route.priority, ageMs, requestsPerHour },
      this.#parts.options.regeneration,
    );
  }

  /** Queues every known variant of a path, or the path itself when it is new. */
  queue(path: string, reason: RegenerationReason, priority?: Priority): QueueAnswer {
    const pages = this.#book.ofPath(path);
    const known = pages.length > 0 ? pages : this.#newPage(path);
    this.#roster.join();
    let answer: QueueAnswer = { queued: false, why: 'unknown-page' };
    for (const page of known)
      answer = this.#queue.add({ key: page.key, url: page.primary }, reason, priority ?? page.route.priority);
    return answer;
  }

  /** Queues the pages that show what changed. */
  async queueTag(tag: string): Promise<number> {
    const pages = this.#book.ofTag(tag);
    const wanted = this.#queue.waiting + pages.length;
    if (wanted > this.#roster.room) await this.#roster.exchange(wanted);
    for (const { key, primary, route } of pages) this.#queue.add({ key, url: primary }, 'change', route.priority);
    return pages.length;
  }

  /** Notes what was stored, so that it can be made again. */
  noteStored(target: FillTarget, upstream: Upstream, page: StoredPage): void {
    const nowMs = this.#clock.now();
    const names = varyNames(page.data.fields);
    const key = names.length === 0 ? target.primary : `${target.primary}\n${selectingValues(names, target.selecting)}`;
    const known = this.#book.note(
      {
        key,
        primary: target.primary,
        route: target.route,
        policy: target.policy,
        address: target.address,
        tags: page.data.tags,
        requestFields: page.data.requestFields,
        upstream,
        generatedMs: page.data.receivedMs,
      },
      nowMs,
    );
    page.traffic = known.traffic;
    this.#roster.join();
  }

  /** Learns from a visit, and warms what mostly comes next. */
  observe(visitor: string, key: string): void {
    if (this.#warming === undefined) return;
    const nowMs = this.#clock.now();
    for (const next of this.#warming.observe(visitor, key)) {
      const known = this.#book.get(next);
      if (known === undefined || this.#parts.pressure() !== 'none') continue;
      if (nowMs - known.generatedMs < known.policy.revalidateMs) continue;
      const { queued } = this.#queue.add({ key: next, url: known.primary }, 'warm', 'background');
      if (queued) this.#warming.expect(next, nowMs + known.policy.revalidateMs);
    }
  }

  analytics(): RegenerationAnalytics & { readonly warming: WarmingReport } {
    const warming = this.#warming?.report(this.#clock.now()) ?? { warmed: 0, useful: 0, wasted: 0 };
    return { ...this.#log.report(this.#queue.waiting, this.#roster.waitingElsewhere, this.#queue.running), warming };
  }

  get knownPages(): number {
    return this.#book.size;
  }

  close(): void {
    this.#sweeping.cancel();
    this.#roster.close();
    this.#queue.close();
  }

  /** Queues what is due. Pages nobody asked for since they were made wait for the day's forced turn. */
  #sweep(): void {
    const nowMs = this.#clock.now();
    for (const page of this.#book) {
      const requestsPerHour = page.traffic.perHour(nowMs);
      const { policy, route } = page;
      const facts = { policy, priority: route.priority, ageMs: nowMs - page.generatedMs, requestsPerHour };
      const advice = regenerationAdvice(facts, this.#parts.options.regeneration);
      const isWanted = advice.reason === 'forced' || page.traffic.hits > 0;
      if (advice.shouldRegenerate && isWanted) {
        this.#queue.add({ key: page.key, url: page.primary }, advice.reason as RegenerationReason, advice.priority);
      }
    }
  }

  #newPage(path: string): KnownPage[] {
    const { match, upstream, options } = this.#parts;
    const found = match?.(path);
    const policy = found?.route.cache;
    if (found === undefined || policy === undefined || upstream === undefined || options.authority === undefined) return [];
    const address = { scheme: 'http', authority: options.authority, path, query: '' };
    const primary = primaryKey(address, policy, [], undefined);
    const page = {
      key: primary,
      primary,
      route: found.route,
      policy,
      address,
      tags: routeTags(found),
      requestFields: [],
      upstream,
      generatedMs: 0,
    };
    return [this.#book.note(page, this.#clock.now())];
  }

  #work() {
    const { events, pressure } = this.#parts;
    return {
      run: (job: RegenerationJob) => this.#run(job),
      mayRun: (priority: Priority) => ALLOWED[pressure()].includes(priority),
      onResult: (job: RegenerationJob, result: RegenerationResult, tookMs: number) => {
        this.#log.record(job, result, tookMs, this.#clock.now());
        events.emit('regenerated', { url: job.url, reason: job.reason, result, tookMs });
      },
      onGivenUp: (job: RegenerationJob) => {
        this.#log.givenUp++;
        events.emit('regenerationGivenUp', { url: job.url, reason: job.reason, attempts: job.attempts });
      },
      room: () => this.#roster.room,
      waitingElsewhere: () => this.#roster.waitingElsewhere,
      onFull: () => this.#roster.fallShort(),
      onLength: (waiting: number, isLong: boolean) => events.emit(isLong ? 'queueLong' : 'queueShort', { waiting }),
    };
  }

  /** What the other processes are told: the pages most asked for here, as far as they could count in the fleet. */
  #busiest(members: number): Record<string, number> {
    const nowMs = this.#clock.now();
    const least = this.#parts.options.regeneration.popularAbovePerHour / (TELLING_SHARE * members);
    const rates: [digest: string, perHour: number][] = [];
    for (const { digest, traffic } of this.#book) {
      const perHour = traffic.perHourHere(nowMs);
      if (perHour > least) rates.push([digest, Math.round(perHour)]);
    }
    return Object.fromEntries(rates.sort(([, a], [, b]) => b - a).slice(0, MOST_TOLD));
  }

  #hearFleet(): void {
    this.#queue.fit();
    const rates = this.#roster.ratesElsewhere();
    for (const { digest, traffic } of this.#book) traffic.perHourElsewhere = rates.get(digest) ?? 0;
  }

  async #run(job: RegenerationJob): Promise<RegenerationResult> {
    const page = this.#book.get(job.key);
    if (page === undefined) return 'skipped';
    const { flights, keeper } = this.#parts;
    const lookup = withoutPart(await keeper.look(page.primary, page.requestFields));
    const under = flights.under(lookup.key);
    if (under) return resultOf(await under);
    const madeMs = lookup.found?.page.data.receivedMs;
    if (madeMs !== undefined && this.#isDone(job, page, madeMs)) return 'skipped';
    return resultOf(await flights.launch(page.upstream, this.#targetOf(page), lookup, undefined));
  }

  /** Whether another process has made the page meanwhile. */
  #isDone(job: RegenerationJob, page: KnownPage, madeMs: number): boolean {
    page.generatedMs = Math.max(page.generatedMs, madeMs);
    if (job.reason === 'change' || job.reason === 'manual') return madeMs > job.queuedMs;
    const nowMs = this.#clock.now();
    const facts = { policy: page.policy, priority: page.route.priority, ageMs: nowMs - madeMs };
    const rule = this.#parts.options.regeneration;
    return !regenerationAdvice({ ...facts, requestsPerHour: page.traffic.perHour(nowMs) }, rule).shouldRegenerate;
  }

  #targetOf(page: KnownPage): FillTarget {
    return {
      route: page.route,
      policy: page.policy,
      address: page.address,
      primary: page.primary,
      selecting: page.requestFields,
      fields: page.requestFields,
      tags: page.tags,
      hasAuthorization: false,
      hasCookie: false,
      requestNoStore: false,
      clientIp: undefined,
    };
  }

  #bindMetrics(): void {
    const { metrics } = this.#parts.runtime;
    const waiting = metrics
      .gauge({ name: 'spillway_page_regeneration_waiting', help: 'Pages waiting to be made again.' })
      .series();
    const room = metrics
      .gauge({ name: 'spillway_page_regeneration_room', help: 'Pages that may wait in this process, of those in the fleet.' })
      .series();
    const running = metrics.gauge({ name: 'spillway_page_regeneration_running', help: 'Pages being made again now.' }).series();
    const known = metrics.gauge({ name: 'spillway_page_known', help: 'Pages this process could make again.' }).series();
    metrics.onCollect(() => {
      waiting.set(this.#queue.waiting);
      room.set(this.#roster.room);
      running.set(this.#queue.running);
      known.set(this.#book.size);
    });
  }
}

function resultOf(outcome: FlightOutcome): RegenerationResult {
  if (outcome.kind === 'stored') return outcome.bytesChanged ? 'changed' : 'unchanged';
  if (outcome.kind === 'validated') return 'unchanged';
  return outcome.kind === 'found' || outcome.kind === 'fenced' ? 'skipped' : 'failed';
}

function jittered(ms: number, random: Random): number {
  return ms * (0.9 + 0.2 * random.next());
}
