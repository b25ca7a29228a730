import { parseOptions } from '../kernel/index.ts';
import { PRIORITIES, type Priority } from '../policy/index.ts';
import { CitySource, slugify, type CityReading } from './cities.ts';
import { FILTER_SEPARATOR, FilterVocabulary, type CanonicalFilters } from './filters.ts';
import { astroPaths, nextParams, type Handover, type StaticParams, type StaticPath } from './frameworks.ts';
import {
  filterOptions,
  planOptions,
  ROUTE_CAPS,
  type FilterOptions,
  type PlanOptions,
  type ResolvedPlanOptions,
} from './options.ts';
import { sitemapFiles, type SitemapFile, type SitemapOptions } from './sitemap.ts';
import { slotsOf, type Slot } from './slots.ts';
import {
  TIERS,
  type CityInput,
  type CityRecord,
  type PlannedCity,
  type PlannedRoute,
  type RouteRow,
  type Tier,
} from './types.ts';

export interface PlanSummary {
  readonly cities: number;
  /** Cities left out because an earlier one has their slug. */
  readonly repeatedCities: number;
  /** Routes there would be without the cap. */
  readonly candidates: number;
  readonly routes: number;
  readonly byTier: Readonly<Record<Tier, number>>;
  readonly byPriority: Readonly<Record<Priority, number>>;
}

export interface WarmListOptions {
  /** Most routes on the list. Default 1,000. */
  readonly limit?: number;
  /** Only cities of these tiers. Default: every tier. */
  readonly tiers?: readonly Tier[];
}

/**
 * Plans which pages a site has: cities × filter combinations, as many as each city's tier deserves, the most deserving
 * first to survive the cap. Nothing is read before the plan is iterated.
 * @throws ConfigError when the options are wrong.
 */
export function planRoutes<const Source extends CityInput>(options: PlanOptions<Source>): RoutePlan<Source> {
  // Behind a function the cities are safe from being frozen with the other options.
  const { cities } = options;
  const safe = Array.isArray(cities) ? { ...options, cities: () => cities } : options;
  return new RoutePlan<Source>(parseOptions(planOptions, safe, 'planRoutes(options)'));
}

/** The filters of a site by themselves, for the server that must know a page's one URL. */
export function filterVocabulary(options: FilterOptions): FilterVocabulary {
  return new FilterVocabulary(parseOptions(filterOptions, options, 'filterVocabulary(options)'));
}

/**
 * A plan of routes: an async iterable in the order of the cities, each with its landing page first. It holds no routes,
 * only one slug per city, so a million routes take no more memory than a thousand. It can be iterated any number of
 * times, unless its cities came from an iterator and there is no cap.
 */
export class RoutePlan<Source extends CityInput = CityInput> implements AsyncIterable<PlannedRoute<Source>> {
  readonly vocabulary: FilterVocabulary;
  readonly #options: ResolvedPlanOptions;
  readonly #cap: number;
  readonly #slots: Readonly<Record<Tier, readonly Slot[]>>;
  readonly #source: CitySource<Source>;
  readonly #tierOf: (city: CityRecord) => Tier;

  constructor(options: ResolvedPlanOptions) {
    const { maxRoutes } = options;
    this.#options = options;
    this.#cap = typeof maxRoutes === 'number' ? maxRoutes : maxRoutes === 'unlimited' ? Infinity : ROUTE_CAPS[maxRoutes];
    this.vocabulary = new FilterVocabulary(options);
    this.#slots = slotsOf(options, this.vocabulary, options.priorityOf);
    this.#source = new CitySource<Source>(options.cities as PlanOptions<Source>['cities']);
    this.#tierOf = typeof options.tiers === 'function' ? options.tiers : tierByName(options.tiers);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<PlannedRoute<Source>> {
    for await (const { city, slot } of this.#select(Infinity, TIERS)) yield this.#route(city, slot);
  }

  /** Numbers of the plan. Reads the cities once. */
  async summary(): Promise<PlanSummary> {
    let cities = 0;
    let repeatedCities = 0;
    const counts = await this.#countSlots(
      () => cities++,
      () => repeatedCities++,
    );
    const byTier = { 1: 0, 2: 0, 3: 0 };
    const byPriority = Object.fromEntries(PRIORITIES.map((priority) => [priority, 0])) as Record<Priority, number>;
    const survivors = share(counts, this.#cap);
    for (const slot of TIERS.flatMap((tier) => this.#slots[tier])) {
      byTier[slot.tier] += survivors[slot.order]!;
      byPriority[slot.priority] += survivors[slot.order]!;
    }
    return { cities, repeatedCities, candidates: sum(counts), routes: sum(survivors), byTier, byPriority };
  }

  /** The canonical spelling of a path's filters; undefined when there can be no such page. See {@link FilterVocabulary}. */
  canonicalFilters(text: string): CanonicalFilters | undefined {
    return this.vocabulary.canonicalFilters(text);
  }

  /** The most deserving routes, most deserving first: what to warm after a start. */
  async warmList({ limit = 1000, tiers = TIERS }: WarmListOptions = {}): Promise<PlannedRoute<Source>[]> {
    const chosen: { city: PlannedCity<Source>; slot: Slot }[] = [];
    for await (const candidate of this.#select(limit, tiers)) chosen.push(candidate);
    return chosen.toSorted((a, b) => a.slot.order - b.slot.order).map(({ city, slot }) => this.#route(city, slot));
  }

  /** For Astro: `export const getStaticPaths = () => plan.staticPaths()`. See {@link Handover} for the page's file name. */
  staticPaths(handover: Handover = {}): Promise<StaticPath[]> {
    return astroPaths(this, handover);
  }

  /** For Next: `export const generateStaticParams = () => plan.generateStaticParams()`. See {@link Handover} for the page's file name. */
  generateStaticParams(handover: Handover = {}): Promise<StaticParams[]> {
    return nextParams(this, handover);
  }

  /** The sitemap, file by file: `sitemap-1.xml`, `sitemap-2.xml`, …, and last their index `sitemap.xml`. */
  sitemap(options: SitemapOptions): AsyncIterable<SitemapFile> {
    return sitemapFiles(this, options);
  }

  /** Every route as a flat record. */
  async *rows(): AsyncGenerator<RouteRow> {
    for await (const { path, city, filters, kind, priority } of this) {
      yield { path, city: city.name, tier: city.tier, filters: filters.join(FILTER_SEPARATOR), kind, priority };
    }
  }

  /** The plan as the text of one JSON array, piece by piece. */
  async *json(): AsyncGenerator<string> {
    let before = '[\n';
    for await (const row of this.rows()) {
      yield `${before}${JSON.stringify(row)}`;
      before = ',\n';
    }
    yield before === '[\n' ? '[]\n' : '\n]\n';
  }

  /**
   * Every city with each slot it gets: the plan's routes, or the best `limit` of them in some tiers. Two readings of the
   * cities: count, then choose; without any bound the second alone.
   */
  async *#select(limit: number, tiers: readonly Tier[]): AsyncGenerator<{ city: PlannedCity<Source>; slot: Slot }> {
    const isBounded = this.#cap !== Infinity || limit !== Infinity;
    const left = isBounded ? this.#places(await this.#countSlots(), limit, tiers) : undefined;
    for await (const city of this.#cities(isBounded)) {
      if (!tiers.includes(city.tier)) continue;
      for (const slot of this.#slots[city.tier]) {
        if (!this.#exists(city, slot)) continue;
        if (left) {
          if (left[slot.order] === 0) continue;
          left[slot.order]!--;
        }
        yield { city, slot };
      }
    }
  }

  /** How many routes each slot gets, by the slot's order: the plan's own cap first, then the limit among some tiers. */
  #places(counts: readonly number[], limit: number, tiers: readonly Tier[]): number[] {
    const planned = share(counts, this.#cap);
    for (const tier of TIERS) if (!tiers.includes(tier)) for (const slot of this.#slots[tier]) planned[slot.order] = 0;
    return share(planned, limit);
  }

  /** How many routes want each slot, by the slot's order. */
  async #countSlots(onCity: () => void = () => {}, onRepeated: () => void = () => {}): Promise<number[]> {
    const counts = Array.from({ length: TIERS.reduce((total, tier) => total + this.#slots[tier].length, 0) }, () => 0);
    for await (const city of this.#cities(true, onRepeated)) {
      onCity();
      for (const slot of this.#slots[city.tier]) if (this.#exists(city, slot)) counts[slot.order]!++;
    }
    return counts;
  }

  #cities(again: boolean, onRepeated: CityReading['onRepeated'] = () => {}): AsyncGenerator<PlannedCity<Source>> {
    return this.#source.read({ maxCities: this.#options.maxCities, tierOf: this.#tierOf, onRepeated }, again);
  }

  #exists(city: PlannedCity<Source>, slot: Slot): boolean {
    return slot.kind === 'landing' || this.#options.include(city, slot.filters);
  }

  #route(city: PlannedCity<Source>, slot: Slot): PlannedRoute<Source> {
    const landing = `${this.#options.basePath}/${encodeURIComponent(city.slug)}`;
    const path = slot.filters.length === 0 ? landing : `${landing}/${slot.filters.join(FILTER_SEPARATOR)}`;
    return { path, city, filters: slot.filters, kind: slot.kind, priority: slot.priority };
  }
}

/** Gives out `cap` places, most deserving slot first: how many routes of each slot survive. */
function share(counts: readonly number[], cap: number): number[] {
  let left = cap;
  return counts.map((count) => {
    const given = Math.min(count, left);
    left -= given;
    return given;
  });
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

function tierByName(names: { readonly 1: readonly string[]; readonly 2: readonly string[] }): (city: CityRecord) => Tier {
  const tiers = new Map<string, Tier>();
  for (const tier of [2, 1] as const) for (const name of names[tier]) tiers.set(slugify(name), tier);
  return (city) => tiers.get(city.slug ?? '') ?? tiers.get(slugify(city.name)) ?? 3;
}
