import { dirname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ConfigError, messageOf, SpillwayError } from '../kernel/index.ts';
import type { CliContext } from './context.ts';
import { loadPolicy, type CliPolicy } from './load-policy.ts';

/** What the commands need of a plan; `planRoutes(…)` of `spillway/routes` fulfils it. */
export interface RoutePlan extends AsyncIterable<{ readonly path: string }> {
  rows(): AsyncIterable<Readonly<Record<string, string | number>>>;
  json(): AsyncIterable<string>;
  sitemap(options: { readonly baseUrl: string }): AsyncIterable<{ readonly name: string; readonly text: AsyncIterable<string> }>;
  warmList(options?: { readonly limit?: number }): Promise<readonly { readonly path: string }[]>;
}

export interface PlannedPolicy extends CliPolicy {
  readonly plan: RoutePlan;
}

/**
 * The plan that the config's `routePlan` names: a module's default export, or what a function gives.
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
  const line = loaded.sourceLines.lineOf(['routePlan']);
  const refuse = (message: string, fix?: string): never => {
    throw new ConfigError(loaded.file, [
      { path: 'routePlan', message, ...(fix === undefined ? {} : { fix }), ...(line === undefined ? {} : { line }) },
    ]);
  };
  let plan: unknown;
  try {
    plan = typeof routePlan === 'string' ? await importDefault(resolve(dirname(loaded.path), routePlan)) : await routePlan();
    if (typeof plan === 'function') plan = await (plan as () => unknown)();
  } catch (error) {
    refuse(`gave no plan: ${messageOf(error).replace(/ imported from .*/s, '')}`);
  }
  return {
    policy,
    loaded,
    plan: isRoutePlan(plan) ? plan : refuse('gave something that is no plan', 'return or export planRoutes({ … })'),
  };
}

async function importDefault(path: string): Promise<unknown> {
  const module = (await import(pathToFileURL(path).href)) as { readonly default?: unknown };
  return module.default;
}

function isRoutePlan(value: unknown): value is RoutePlan {
  const plan = value as Partial<RoutePlan> | null | undefined;
  return [plan?.rows, plan?.json, plan?.sitemap, plan?.warmList].every((member) => typeof member === 'function');
}
