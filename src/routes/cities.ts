import { messageOf, show, SpillwayError } from '../kernel/index.ts';
import { TIERS, type CityInput, type CityRecord, type PlannedCity, type Tier } from './types.ts';

/** Cities as they may be handed in. A function is called for each reading and must give the same cities each time. */
export type Cities<Source extends CityInput> =
  | Iterable<Source>
  | AsyncIterable<Source>
  | (() => Iterable<Source> | AsyncIterable<Source>);

export interface CityReading {
  readonly maxCities: number;
  readonly tierOf: (city: CityRecord) => Tier;
  /** Called for each city left out because an earlier one has its slug. */
  readonly onRepeated: (city: CityRecord, slug: string) => void;
}

/** Where a plan's cities come from; says whether they can be read again. */
export class CitySource<Source extends CityInput> {
  readonly #cities: Cities<Source>;
  /** Of cities behind an iterator: what was kept for a second reading, or that they are gone. */
  #kept: Promise<Source[]> | undefined;
  #spent = false;

  constructor(cities: Cities<Source>) {
    this.#cities = cities;
  }

  /**
   * Every city once, checked, with slug and tier, in the order given. Holds one slug per city, to leave out repetitions.
   * @param again whether they will be read again. Cities behind an iterator, which can be read only once, are then kept,
   *   at most `maxCities` of them.
   */
  async *read(reading: CityReading, again: boolean): AsyncGenerator<PlannedCity<Source>> {
    const slugs = new Set<string>();
    for await (const source of this.#open(reading, again)) {
      const city: CityRecord = typeof source === 'string' ? { name: source } : source;
      const slug = slugOf(city);
      if (slugs.has(slug)) {
        reading.onRepeated(city, slug);
        continue;
      }
      if (slugs.size >= reading.maxCities) throw tooMany(reading.maxCities);
      slugs.add(slug);
      yield { name: city.name, slug, tier: tierOf(city, reading), lastModified: lastModifiedOf(city), source };
    }
  }

  async *#open(reading: CityReading, again: boolean): AsyncGenerator<Source> {
    const cities = typeof this.#cities === 'function' ? this.#cities() : this.#cities;
    if (cities !== this.#cities || !isIterator(cities)) {
      yield* cities;
    } else if (this.#spent) {
      throw new SpillwayError(
        'SPILLWAY_ROUTES_CITIES_SPENT',
        'planRoutes: the cities came from an iterator, which can be read only once; hand in a function that opens it anew',
      );
    } else if (again || this.#kept) {
      yield* await (this.#kept ??= keep(cities, reading.maxCities));
    } else {
      this.#spent = true;
      yield* cities;
    }
  }
}

async function keep<Source>(cities: Iterable<Source> | AsyncIterable<Source>, maxCities: number): Promise<Source[]> {
  const kept: Source[] = [];
  for await (const city of cities) {
    // Repetitions are told only later, hence room for as many again.
    if (kept.length >= 2 * maxCities) throw tooMany(maxCities);
    kept.push(city);
  }
  return kept;
}

/** Iterators return themselves: what is read from them is gone. */
function isIterator(cities: Iterable<unknown> | AsyncIterable<unknown>): boolean {
  return typeof (cities as { next?: unknown }).next === 'function';
}

function tooMany(maxCities: number): SpillwayError {
  return new SpillwayError(
    'SPILLWAY_ROUTES_TOO_MANY_CITIES',
    `planRoutes: more than ${maxCities} cities; raise maxCities to plan them`,
  );
}

/** `San José del Valle` → `san-jose-del-valle`. Empty for names without a Latin letter or digit: those need a slug of their own. */
export function slugify(name: string): string {
  return name
    .normalize('NFKD')
    .toLowerCase()
    .replaceAll(/[\u0300-\u036F'’]/g, '')
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '');
}

function slugOf(city: CityRecord): string {
  const slug = typeof city?.name === 'string' ? (city.slug ?? slugify(city.name)) : '';
  // A slug is one segment of a path; dots alone would be resolved away.
  if (typeof slug === 'string' && slug !== '' && !/[/?#\\\s\p{Cc}]|^\.{1,2}$/u.test(slug)) return slug;
  throw invalid(city, 'needs a name, and a slug without spaces or / ? # where none can be made of the name');
}

function tierOf(city: CityRecord, reading: CityReading): Tier {
  const tier = reading.tierOf(city);
  if (TIERS.includes(tier)) return tier;
  throw invalid(city, `has the tier ${show(tier)}; the tiers are ${TIERS.join(', ')}`);
}

function lastModifiedOf(city: CityRecord): string | undefined {
  if (city.lastModified === undefined) return undefined;
  try {
    return new Date(city.lastModified).toISOString();
  } catch (error) {
    throw invalid(city, `has a lastModified that is no date: ${messageOf(error)}`);
  }
}

function invalid(city: unknown, what: string): SpillwayError {
  return new SpillwayError('SPILLWAY_ROUTES_CITY_INVALID', `planRoutes: the city ${JSON.stringify(city)} ${what}`);
}
