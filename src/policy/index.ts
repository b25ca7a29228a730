export { defineConfig } from './define-config.ts';
export { configSchema, type ResolvedConfig, type ResolvedUpstream, type SpillwayConfig } from './schema.ts';
export { STRATEGIES, type Strategy } from './sections/upstreams.ts';
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
