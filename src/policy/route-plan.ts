import { dirname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { messageOf } from '../kernel/index.ts';
import type { ResolvedConfig } from './schema.ts';

/** What the rest of Spillway needs of a plan; `planRoutes(…)` of `spillway/routes` fulfils it. */
export interface RoutePlan extends AsyncIterable<{ readonly path: string }> {
  rows(): AsyncIterable<Readonly<Record<string, string | number>>>;
  json(): AsyncIterable<string>;
  sitemap(options: { readonly baseUrl: string }): AsyncIterable<{ readonly name: string; readonly text: AsyncIterable<string> }>;
  /** The most deserving pages first. */
  warmList(options?: { readonly limit?: number }): Promise<readonly { readonly path: string }[]>;
}

/** What became of a config's `routePlan`. */
export type FoundPlan = { readonly plan: RoutePlan } | { readonly plan: undefined; readonly why: string; readonly fix?: string };

/**
 * The plan that `routePlan` names: a module's default export, or what a function gives.
 * @param configPath the config file; modules are named relative to it.
 */
export async function findRoutePlan(routePlan: NonNullable<ResolvedConfig['routePlan']>, configPath: string): Promise<FoundPlan> {
  try {
    const named =
      typeof routePlan === 'string' ? await importDefault(resolve(dirname(configPath), routePlan)) : await routePlan();
    const plan = typeof named === 'function' ? await (named as () => unknown)() : named;
    if (isRoutePlan(plan)) return { plan };
    return { plan: undefined, why: 'gave something that is no plan', fix: 'return or export planRoutes({ … })' };
  } catch (error) {
    return { plan: undefined, why: `gave no plan: ${messageOf(error).replace(/ imported from .*/s, '')}` };
  }
}

async function importDefault(path: string): Promise<unknown> {
  const module = (await import(pathToFileURL(path).href)) as { readonly default?: unknown };
  return module.default;
}

function isRoutePlan(value: unknown): value is RoutePlan {
  const plan = value as Partial<RoutePlan> | null | undefined;
  return [plan?.rows, plan?.json, plan?.sitemap, plan?.warmList].every((member) => typeof member === 'function');
}
