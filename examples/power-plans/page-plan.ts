import { planRoutes, TEXAS_ELECTRICITY } from 'spillway/routes';
import { loadCities, type City } from './cities.ts';
import { matchesAll, type FilterName } from './filters.ts';
import { generatePlans } from './plans.ts';
import { UTILITY_AREA_IDS } from './utility-areas.ts';

/** Which pages the site has: a combination no plan in the city's utility area matches has none in the plan. */
export function planPages(cities: readonly City[] = loadCities()) {
  const plans = generatePlans();
  const possible = new Map(
    UTILITY_AREA_IDS.map((area) => [
      area,
      { plans: plans.filter((plan) => plan.utilityArea === area), known: new Map<string, boolean>() },
    ]),
  );
  return planRoutes({
    ...TEXAS_ELECTRICITY,
    cities,
    include: ({ source }, filters) => {
      const area = possible.get(source.utilityArea)!;
      const key = filters.join('+');
      let known = area.known.get(key);
      if (known === undefined) {
        known = area.plans.some((plan) => matchesAll(plan, filters as FilterName[]));
        area.known.set(key, known);
      }
      return known;
    },
  });
}
