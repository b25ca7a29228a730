import { loadOfRoutes, type RouteLoad, type RouteToLoad } from '../load/index.ts';
import type { Policy } from '../policy/index.ts';
import type { CliContext } from './context.ts';
import { loadPolicy } from './load-policy.ts';
import { loadRoutePlan } from './route-plan.ts';

/** How much oftener a page of a tier is asked for than one of tier 3: a few cities have most of the people. */
const WEIGHT_OF_TIER: Readonly<Record<number, number>> = { 1: 20, 2: 5, 3: 1 };

/** A load of the policy's pages: those of its route plan, weighted by tier, or else its routes without parameters. */
export async function policyLoad(context: CliContext, file: string | undefined): Promise<RouteLoad> {
  const { policy } = await loadPolicy(context, file);
  if (policy.config.routePlan === undefined) return loadOfRoutes(fixedRoutes(policy));
  const { plan } = await loadRoutePlan(context, file);
  return loadOfRoutes(plannedRoutes(policy, plan.rows()));
}

async function* plannedRoutes(
  policy: Policy,
  rows: AsyncIterable<Readonly<Record<string, string | number>>>,
): AsyncGenerator<RouteToLoad> {
  for await (const { path, tier } of rows) {
    yield { ...classOf(policy, String(path)), path: String(path), weight: WEIGHT_OF_TIER[Number(tier)] ?? 1 };
  }
}

function* fixedRoutes(policy: Policy): Generator<RouteToLoad> {
  for (const { pattern } of policy.routes) if (/^\/[^:*]*$/.test(pattern)) yield { ...classOf(policy, pattern), path: pattern };
}

function classOf(policy: Policy, path: string): Pick<RouteToLoad, 'class' | 'sloP95Ms'> {
  const route = policy.match('GET', path)?.route;
  return { class: route?.className ?? 'none', ...(route?.sloP95Ms === undefined ? {} : { sloP95Ms: route.sloP95Ms }) };
}
