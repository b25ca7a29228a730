import { z } from 'zod';
import { count } from '../kernel/index.ts';
import type { Priority } from '../policy/index.ts';
import type { Cities } from './cities.ts';
import { FilterVocabulary, type FilterDeclaration } from './filters.ts';
import { priorityOf, type RouteTraits } from './slots.ts';
import type { CityInput, CityRecord, PlannedCity, Tier } from './types.ts';

/** How many routes a plan has at most, by where it is for. */
export const ROUTE_CAPS = { production: 5000, development: 200 } as const;

const NAME = /^[a-z0-9]+(?:-[a-z0-9]+)*$/;
const names = () => z.array(z.string().min(1));
const callback = <Signature>(what: string) => z.custom<Signature>((value) => typeof value === 'function', `expected ${what}`);

/** What a page's filters are and which combinations are declared by name. Shared by the plan and the site that serves it. */
export const filterOptions = z
  .strictObject({
    filters: z
      .record(
        z.string().regex(NAME, 'a filter is named in small letters, digits and single hyphens'),
        z.strictObject({
          group: z
            .string()
            .min(1)
            .optional()
            .describe('Filters of one group exclude each other: a plan has one term, one kind of rate.'),
        }),
      )
      .default({})
      .describe('The filters there are, in canonical order.'),
    highValue: names().default([]).describe('Combinations planned for every city, each in its canonical order: `12-month`.'),
    premium: names()
      .default([])
      .describe('Combinations planned for tiers 1 and 2, each in its canonical order: `12-month+fixed-rate`.'),
  })
  .superRefine(checkCombinations);

export const planOptions = z
  .strictObject({
    ...filterOptions.shape,
    cities: z
      .custom<Cities<CityInput>>(isReadable, 'expected an array, another (async) iterable, or a function that gives one')
      .describe('The cities, most deserving first. A function is called for each reading, so that nothing has to be held.'),
    basePath: z
      .string()
      .regex(/^(?:\/[^/?#\s]+)*$/, `a path starts with '/' and does not end with it`)
      .default('')
      .describe('What every path starts with: `/electricity-plans`.'),
    tiers: z
      .union([
        z.strictObject({
          1: names().default([]).describe('Names or slugs of the major metros.'),
          2: names().default([]).describe('Names or slugs of the secondary metros.'),
        }),
        callback<(city: CityRecord) => Tier>('names for tiers 1 and 2, or a function from a city to its tier'),
      ])
      .default({ 1: [], 2: [] })
      .describe('Which cities are tier 1 and tier 2, by name or by a function; every other city is tier 3.'),
    maxRoutesPerCity: z
      .strictObject({
        1: count(1, 10_000).default(100).describe('For each city of tier 1.'),
        2: count(1, 10_000).default(50).describe('For each city of tier 2.'),
        3: count(1, 10_000).default(25).describe('For each city of tier 3.'),
      })
      .prefault({})
      .describe('Most routes a city gets, its landing page included.'),
    maxRoutes: z
      .union([count(1), z.enum(['production', 'development', 'unlimited'])])
      .default('production')
      .describe('Most routes of the plan; the most deserving survive. `production` is 5,000, `development` 200.'),
    maxCities: count(1).default(1_000_000).describe('Most cities read; one more is an error. Some 100 bytes of memory each.'),
    priorityOf: callback<(traits: RouteTraits) => Priority>('a function from a route’s traits to its priority')
      .default(() => priorityOf)
      .describe('Priority by tier, kind and filters.'),
    include: callback<(city: PlannedCity, filters: readonly string[]) => boolean>('a function from city and filters to a boolean')
      .default(() => () => true)
      .describe('Whether a page exists: false leaves out a combination nothing matches. Must answer alike each time.'),
  })
  .superRefine(checkCombinations);

export type FilterOptions = z.input<typeof filterOptions>;
export type PlanOptions<Source extends CityInput = CityInput> = Omit<z.input<typeof planOptions>, 'cities' | 'include'> & {
  readonly cities: Cities<Source>;
  readonly include?: (city: PlannedCity<Source>, filters: readonly string[]) => boolean;
};
export type ResolvedPlanOptions = z.output<typeof planOptions>;

function isReadable(value: unknown): boolean {
  if (typeof value === 'function') return true;
  return typeof value === 'object' && value !== null && (Symbol.iterator in value || Symbol.asyncIterator in value);
}

function checkCombinations(declaration: FilterDeclaration, context: z.RefinementCtx): void {
  const vocabulary = new FilterVocabulary({ ...declaration, highValue: [], premium: [] });
  for (const list of ['highValue', 'premium'] as const) {
    for (const [at, text] of declaration[list].entries()) {
      const problem = vocabulary.problemWith(text);
      if (problem) {
        const message = problem.fix ? `${problem.message}; ${problem.fix}` : problem.message;
        context.addIssue({ code: 'custom', path: [list, at], message, input: text });
      }
    }
  }
}
