/** What the pages are made of. */
import { readFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { loadCities, nearestCities, type City, type Neighbour } from './cities.ts';
import { planPages } from './page-plan.ts';
import type { PlanStore } from './store/store.ts';

const NEIGHBOURS = 8;

export interface SiteOptions {
  /** Address the public sees: `https://example.com`. */
  readonly publicUrl: string;
  /** Who may change prices. */
  readonly adminToken: string;
  /** Tells the layer in front that data changed; undefined: there is none. */
  readonly reportChange?: ((change: Change) => Promise<void>) | undefined;
}

/** What changed: the thing's tag, the field, and its value before and after. */
export interface Change {
  readonly tag: string;
  readonly field: string;
  readonly before: number;
  readonly after: number;
}

export interface Asset {
  readonly path: string;
  readonly type: 'text/css; charset=utf-8' | 'image/svg+xml';
  readonly body: string;
}

/** Everything the handlers need, built once. */
export class Site {
  readonly store: PlanStore;
  readonly options: SiteOptions;
  /** Most populous first. */
  readonly cities: readonly City[];
  readonly pages: ReturnType<typeof planPages>;
  readonly css: Asset = asset('site.css', 'text/css; charset=utf-8');
  readonly mark: Asset = asset('mark.svg', 'image/svg+xml');
  readonly #bySlug: ReadonlyMap<string, City>;
  readonly #neighbours = new Map<City, readonly Neighbour[]>();

  constructor(store: PlanStore, options: SiteOptions) {
    this.store = store;
    this.options = options;
    this.cities = loadCities();
    this.pages = planPages(this.cities);
    this.#bySlug = new Map(this.cities.map((city) => [city.slug, city]));
  }

  city(slug: string): City | undefined {
    return this.#bySlug.get(slug);
  }

  /** The nearest cities, found at the first asking: at most one list for each of the cities. */
  neighbours(city: City): readonly Neighbour[] {
    let neighbours = this.#neighbours.get(city);
    if (!neighbours) this.#neighbours.set(city, (neighbours = nearestCities(city, this.cities, NEIGHBOURS)));
    return neighbours;
  }
}

/** A file whose name changes with its content, so that it may be kept for ever. */
function asset(name: string, type: Asset['type']): Asset {
  const body = readFileSync(join(import.meta.dirname, 'static', name), 'utf8');
  const hash = createHash('sha256').update(body).digest('hex').slice(0, 10);
  return { path: `/static/${name.replace('.', `.${hash}.`)}`, type, body };
}
