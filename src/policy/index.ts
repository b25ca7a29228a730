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
