import type { Priority } from '../policy/index.ts';

/** How important a city is: 1 the major metros, 2 the secondary metros, 3 the rest. */
export const TIERS = [1, 2, 3] as const;
export type Tier = (typeof TIERS)[number];

/** What a page shows: the city itself, or the city with a declared or any other combination of filters. */
export const ROUTE_KINDS = ['landing', 'highValue', 'premium', 'other'] as const;
export type RouteKind = (typeof ROUTE_KINDS)[number];

/** A city as it is handed in: its name, or an object with more. */
export type CityInput = string | CityRecord;

export interface CityRecord {
  readonly name: string;
  /** Its part of the path. Default: made of the name, `San Antonio` → `san-antonio`. */
  readonly slug?: string;
  /** When its pages last changed: a `Date`, or a text in ISO 8601. */
  readonly lastModified?: Date | string;
}

export interface PlannedCity<Source extends CityInput = CityInput> {
  readonly name: string;
  readonly slug: string;
  readonly tier: Tier;
  /** ISO 8601, when the source said so. */
  readonly lastModified: string | undefined;
  /** What was handed in. */
  readonly source: Source;
}

/** One page that should exist. */
export interface PlannedRoute<Source extends CityInput = CityInput> {
  /** `/electricity-plans/dallas/12-month+fixed-rate`, percent-encoded where needed. */
  readonly path: string;
  readonly city: PlannedCity<Source>;
  /** In canonical order; empty for the landing page. */
  readonly filters: readonly string[];
  readonly kind: RouteKind;
  readonly priority: Priority;
}

/** A route as flat data, for tables and JSON. */
export interface RouteRow {
  readonly path: string;
  readonly city: string;
  readonly tier: Tier;
  readonly filters: string;
  readonly kind: RouteKind;
  readonly priority: Priority;
}
