export {
  PRIORITIES,
  type LimitPolicy,
  type OutgoingCacheHeaders,
  type PageCachePolicy,
  type Priority,
  type Provenance,
  type RouteMatch,
  type RoutePolicy,
} from './types.ts';
export { healthSection, type HealthPolicy } from './sections/health.ts';
export { historySection, type HistoryPolicy } from './sections/history.ts';
export { sloSection, type SloPolicy } from './sections/slo.ts';
