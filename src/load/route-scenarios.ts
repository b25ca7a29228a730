import type { FixedRequest, Scenario } from './definition.ts';
import type { ThresholdInput } from './thresholds.ts';

/** A page or endpoint to ask for, with the class it belongs to. */
export interface RouteToLoad {
  readonly path: string;
  /** The route class of the policy. */
  readonly class: string;
  /** How often it is asked for beside the others. Default 1. */
  readonly weight?: number;
  /** The class's objective for the 95th percentile, ms. */
  readonly sloP95Ms?: number;
}

export interface RouteLoad {
  /** One scenario a class. */
  readonly scenarios: Readonly<Record<string, Scenario>>;
  /** The objectives as thresholds: `latency{class:critical}: p(95)<1000`. */
  readonly thresholds: Readonly<Record<string, readonly ThresholdInput[]>>;
}

/** Most routes taken: each is kept as ready bytes. */
const MAX_ROUTES = 20_000;

/** Scenarios, and thresholds where classes have objectives, from the routes of a policy or a route plan. */
export async function loadOfRoutes(
  routes: AsyncIterable<RouteToLoad> | Iterable<RouteToLoad>,
  limit = MAX_ROUTES,
): Promise<RouteLoad> {
  const byClass = new Map<string, { requests: FixedRequest[]; weight: number; sloP95Ms: number | undefined }>();
  let taken = 0;
  for await (const { path, class: className, weight = 1, sloP95Ms } of routes) {
    if (taken++ >= Math.min(limit, MAX_ROUTES)) break;
    const group = byClass.get(className) ?? { requests: [], weight: 0, sloP95Ms };
    byClass.set(className, group);
    group.requests.push({ path, weight });
    group.weight += weight;
  }
  const groups = [...byClass];
  return {
    scenarios: Object.fromEntries(groups.map(([name, { requests, weight }]) => [name, { class: name, weight, requests }])),
    thresholds: Object.fromEntries(
      groups.flatMap(([name, { sloP95Ms }]) =>
        sloP95Ms === undefined ? [] : [[`latency{class:${name}}`, [`p(95)<${sloP95Ms}`]]],
      ),
    ),
  };
}
