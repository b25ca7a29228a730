import type { Clock, Events } from '../kernel/index.ts';
import type { Upstream } from '../ports/index.ts';
import type { PageCounters } from './counters.ts';
import type { PageEvents } from './events.ts';
import { Flight, type FlightCrew, type FlightOutcome } from './flight.ts';
import type { InvalidationRequest } from './invalidation.ts';
import type { Lookup } from './keeper.ts';
import type { PageSettings } from './options.ts';
import type { FillTarget, Visit } from './visit.ts';

/** What the fetches stand in. */
export interface FlightsAround {
  readonly crew: FlightCrew;
  readonly clock: Clock;
  readonly options: PageSettings;
  readonly counters: PageCounters;
  readonly events: Events<PageEvents>;
  onLanded(target: FillTarget, upstream: Upstream, outcome: FlightOutcome): void;
}

const LONGEST_RETRY_MS = 60_000;
/** A page whose last fetch could not be shared is not waited for again within this time. */
const UNSHAREABLE_MS = 10_000;
const MOST_UNSHAREABLE = 10_000;
const MOST_RESTING = 10_000;

/** The fetches under way in this process, one per page. */
export class Flights {
  readonly #around: FlightsAround;
  readonly #flights = new Map<string, Flight>();
  /** Keys whose fetch failed, until when they are left alone, and how often in a row. */
  readonly #resting = new Map<string, { untilMs: number; failures: number }>();
  /** Keys whose answers turned out to be for one client each → until when. */
  readonly #unshareable = new Map<string, number>();

  constructor(around: FlightsAround) {
    this.#around = around;
  }

  get size(): number {
    return this.#flights.size;
  }

  has(key: string): boolean {
    return this.#flights.has(key);
  }

  get isFull(): boolean {
    return this.#flights.size >= this.#around.options.maxFills;
  }

  /** Puts a client on the flight for its page, when one can still be joined. */
  join(visit: Visit, key: string): boolean {
    return this.#flights.get(key)?.join(visit) ?? false;
  }

  /** Starts fetching a page, for `leader` or for nobody in particular. */
  launch(upstream: Upstream, target: FillTarget, lookup: Lookup, leader: Visit | undefined): Promise<FlightOutcome> {
    const flight = new Flight(this.#around.crew, upstream, target, lookup, leader);
    this.#flights.set(lookup.key, flight);
    return flight.outcome.then((outcome) => {
      if (this.#flights.get(lookup.key) === flight) this.#flights.delete(lookup.key);
      this.#landed(target, lookup, outcome);
      this.#around.onLanded(target, upstream, outcome);
      return outcome;
    });
  }

  /** The outcome of the flight for `key`, when one is under way that no invalidation has overtaken. */
  under(key: string): Promise<FlightOutcome> | undefined {
    const flight = this.#flights.get(key);
    return flight?.isOvertaken ? undefined : flight?.outcome;
  }

  /** Nobody new joins what began before an invalidation. */
  close({ tags = [], paths = [], all = false }: InvalidationRequest): void {
    for (const flight of this.#flights.values()) {
      const { target } = flight;
      if (all || paths.includes(target.address.path) || target.tags.some((tag) => tags.includes(tag))) flight.close();
    }
  }

  closeKey(key: string): void {
    this.#flights.get(key)?.close();
  }

  async settled(): Promise<void> {
    await Promise.allSettled([...this.#flights.values()].map((flight) => flight.outcome));
  }

  markUnshareable(key: string): void {
    if (this.#unshareable.size >= MOST_UNSHAREABLE) this.#unshareable.clear();
    this.#unshareable.set(key, this.#around.clock.now() + UNSHAREABLE_MS);
  }

  isUnshareable(key: string, nowMs: number): boolean {
    const untilMs = this.#unshareable.get(key);
    if (untilMs === undefined) return false;
    if (nowMs < untilMs) return true;
    this.#unshareable.delete(key);
    return false;
  }

  /** Whether the last attempts at a page failed so lately that it is left alone. */
  isResting(key: string): boolean {
    const resting = this.#resting.get(key);
    return resting !== undefined && this.#around.clock.now() < resting.untilMs;
  }

  #landed(target: FillTarget, { key, found }: Lookup, outcome: FlightOutcome): void {
    const { clock, counters, events } = this.#around;
    const series = counters.of(target.route);
    const about = { url: target.primary, route: target.route.pattern };
    if (outcome.kind === 'failed') {
      series.fillFailures.inc();
      this.#rest(key);
      events.emit('fillFailed', { ...about, error: outcome.error, servedStale: found !== undefined });
      return;
    }
    // What was found may be the last good page, served because the key rests: that is no success.
    if (outcome.kind === 'found' && !(outcome.found && clock.now() < outcome.found.entry.freshUntilMs)) return;
    this.#resting.delete(key);
    if (outcome.kind === 'stored' || outcome.kind === 'validated') {
      series.fills.inc();
      const { body, renderMs } = outcome.page.data;
      if (events.has('stored')) events.emit('stored', { ...about, bytes: body.length, renderMs });
    }
  }

  #rest(key: string): void {
    const { clock, options } = this.#around;
    const failures = (this.#resting.get(key)?.failures ?? 0) + 1;
    this.#resting.delete(key);
    if (this.#resting.size >= MOST_RESTING) this.#resting.delete(this.#resting.keys().next().value!);
    const restMs = Math.min(options.retryAfterError * 2 ** (failures - 1), LONGEST_RETRY_MS);
    this.#resting.set(key, { untilMs: clock.now() + restMs, failures });
  }
}
