export { slugify, type Cities } from './cities.ts';
export { FilterVocabulary, type CanonicalFilters, type FilterInfo } from './filters.ts';
export type { Handover, StaticParams, StaticPath } from './frameworks.ts';
export { ROUTE_CAPS, type FilterOptions, type PlanOptions } from './options.ts';
export { TEXAS_ELECTRICITY } from './preset.ts';
export { filterVocabulary, planRoutes, type PlanSummary, type RoutePlan, type WarmListOptions } from './routes.ts';
export { SITEMAP_MAX_URLS, type SitemapFile, type SitemapOptions } from './sitemap.ts';
export type { RouteTraits } from './slots.ts';
export type { CityInput, CityRecord, PlannedCity, PlannedRoute, RouteKind, RouteRow, Tier } from './types.ts';
