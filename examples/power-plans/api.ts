import { z } from 'zod';
import { json, problem, type Answer, type FieldProblem } from './answer.ts';
import type { Plan } from './plans.ts';
import type { Site } from './site.ts';
import { SORTS } from './store/store.ts';
import { UTILITY_AREA_IDS } from './utility-areas.ts';

const whole = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d{1,9}$/, `a whole number from ${min} to ${max}`)
    .transform(Number)
    .refine((value) => value >= min && value <= max, `a whole number from ${min} to ${max}`);
const oneOf = <const Names extends readonly [string, ...string[]]>(names: Names) =>
  z.enum(names, { error: `one of ${names.join(', ')}` });
const sortNames = Object.keys(SORTS) as [keyof typeof SORTS, ...(keyof typeof SORTS)[]];

/** Query of `GET /api/plans`. Prices are in cents per kWh, at 1,000 kWh a month. */
const planQuery = z.strictObject({
  city: z.string().optional(),
  area: oneOf(UTILITY_AREA_IDS as [(typeof UTILITY_AREA_IDS)[number], ...typeof UTILITY_AREA_IDS]).optional(),
  term: whole(1, 36).optional(),
  rate: oneOf(['fixed', 'variable']).optional(),
  minRenewable: whole(0, 100).optional(),
  maxPrice: z
    .string()
    .regex(/^\d{1,3}(?:\.\d{1,2})?$/, 'a price in cents such as 12.5')
    .transform((text) => Math.round(Number(text) * 100))
    .optional(),
  sort: oneOf(sortNames).default('price'),
  page: whole(1, 10_000).default(1),
  perPage: whole(1, 100).default(20),
});

/** One page of the plans that match. Refuses what it does not understand, by field. */
export async function listPlans(site: Site, query: URLSearchParams): Promise<Answer> {
  const repeated = [...new Set(query.keys())].filter((name) => query.getAll(name).length > 1);
  if (repeated.length > 0) return refused(repeated.map((field) => ({ field, message: 'is given more than once' })));
  const parsed = planQuery.safeParse(Object.fromEntries(query));
  if (!parsed.success) return refused(parsed.error.issues.flatMap(fieldProblems));
  const { city: slug, area, term, page, perPage, ...wanted } = parsed.data;
  const city = slug === undefined ? undefined : site.city(slug);
  if (slug !== undefined && !city) return refused([{ field: 'city', message: `'${slug}' is not a city of this site` }]);
  if (city && area && city.utilityArea !== area) {
    return refused([{ field: 'area', message: `${city.name} is served by ${city.utilityArea}; ask for one of the two` }]);
  }
  const { plans, total } = await site.store.find({
    ...wanted,
    utilityArea: city?.utilityArea ?? area,
    termMonths: term,
    limit: perPage,
    offset: (page - 1) * perPage,
  });
  const pages = Math.max(1, Math.ceil(total / perPage));
  const to = (number: number): string => {
    const target = new URLSearchParams(query);
    target.set('page', String(number));
    return `/api/plans?${target}`;
  };
  return json({
    plans: plans.map(toJson),
    page: { page, perPage, pages, total },
    links: { previous: page > 1 ? to(Math.min(page - 1, pages)) : null, next: page < pages ? to(page + 1) : null },
  });
}

export async function showPlan(site: Site, id: number): Promise<Answer> {
  const plan = await site.store.plan(id);
  return plan ? json(toJson(plan)) : problem(404, 'Not Found', `There is no plan ${id}.`);
}

/** A plan as the API shows it: prices in cents per kWh. */
export function toJson({ price500, price1000, price2000, ...plan }: Plan) {
  return { ...plan, centsPerKwh: { 500: price500 / 100, 1000: price1000 / 100, 2000: price2000 / 100 } };
}

export function refused(errors: readonly FieldProblem[]): Answer {
  return problem(400, 'Bad Request', errors.map(({ field, message }) => `${field}: ${message}`).join('; '), errors);
}

export function fieldProblems(issue: z.core.$ZodIssue): FieldProblem[] {
  if (issue.code === 'unrecognized_keys') return issue.keys.map((field) => ({ field, message: 'is not known here' }));
  const field = issue.path.join('.') || 'body';
  return [
    {
      field,
      message: issue.code === 'invalid_type' ? issue.message.replace('Invalid input: ', '') : `expected ${issue.message}`,
    },
  ];
}
