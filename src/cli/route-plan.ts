import { ConfigError, SpillwayError } from '../kernel/index.ts';
import { findRoutePlan, type RoutePlan } from '../policy/index.ts';
import type { CliContext } from './context.ts';
import { loadPolicy, type CliPolicy } from './load-policy.ts';

export interface PlannedPolicy extends CliPolicy {
  readonly plan: RoutePlan;
}

/**
 * The plan that the config's `routePlan` names.
 * @throws SpillwayError `SPILLWAY_NO_ROUTE_PLAN` when the config has none; ConfigError when it cannot be had.
 */
export async function loadRoutePlan(context: CliContext, file: string | undefined): Promise<PlannedPolicy> {
  const { policy, loaded } = await loadPolicy(context, file);
  const { routePlan } = policy.config;
  if (routePlan === undefined || !loaded)
    throw new SpillwayError(
      'SPILLWAY_NO_ROUTE_PLAN',
      `${loaded?.file ?? 'The config'} has no routePlan.\n  Add routePlan: './routes.ts', a module whose default export is planRoutes({ … }).`,
    );
  const found = await findRoutePlan(routePlan, loaded.path);
  if (found.plan) return { policy, loaded, plan: found.plan };
  const line = loaded.sourceLines.lineOf(['routePlan']);
  throw new ConfigError(loaded.file, [
    {
      path: 'routePlan',
      message: found.why,
      ...(found.fix === undefined ? {} : { fix: found.fix }),
      ...(line === undefined ? {} : { line }),
    },
  ]);
}
