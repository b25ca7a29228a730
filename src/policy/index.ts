export { BUILT_IN_CLASSES, CLASS_PURPOSE } from './built-in-classes.ts';
export { defineConfig } from './define-config.ts';
export type { ExplainLayer, ExplainLine, ExplainSection, Explanation } from './explain.ts';
export type { PolicyFlags } from './flags.ts';
export { CONFIG_FILES, loadConfig, type LoadedConfig } from './load-config.ts';
export { createPolicy, type Policy, type PolicyOptions } from './policy.ts';
export { configSchema, type ResolvedConfig, type ResolvedUpstream, type SpillwayConfig } from './schema.ts';
export { accessLogSection } from './sections/access-log.ts';
export { listenSection } from './sections/listen.ts';
export type { CachesPolicy, DeclaredTimes } from './sections/caches.ts';
export { batchOptions, batchSection } from './sections/batch.ts';
export { compressionSection, trustedProxiesSection, workersSection } from './sections/process.ts';
export {
  balancingOptions,
  endpointsOption,
  STRATEGIES,
  upstreamSchema,
  upstreamsSection,
  type Strategy,
} from './sections/upstreams.ts';
export { findRoutePlan, type FoundPlan, type RoutePlan } from './route-plan.ts';
export { securityHeadersSection } from './sections/security-headers.ts';
export { tiersSection } from './sections/tiers.ts';
export { tracingSection } from './sections/tracing.ts';
export { createSourceLines, type SourceLines } from './source-lines.ts';
export {
  PRIORITIES,
  type ClassPolicy,
  type LimitPolicy,
  type OutgoingCacheHeaders,
  type PageCachePolicy,
  type Priority,
  type Provenance,
  type RouteMatch,
  type RoutePolicy,
} from './types.ts';
export { alertsSection, type AlertsPolicy } from './sections/alerts.ts';
export { otlpSection, type OtlpPolicy } from './sections/otlp.ts';
export { healthSection, type HealthPolicy } from './sections/health.ts';
export { historySection, type HistoryPolicy } from './sections/history.ts';
export { pagesSection, type PagesPolicy } from './sections/pages.ts';
export { sloSection, type SloPolicy } from './sections/slo.ts';
