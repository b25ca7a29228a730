export { createAccessLog, type AccessLog, type AccessLogSettings, type LogDestination } from './access-log.ts';
export {
  batchFrom,
  batchSchema,
  createBatchEndpoint,
  type BatchAnswer,
  type BatchConnections,
  type BatchOptions,
  type BatchRefusal,
} from './batch.ts';
export type { CompletedRequest } from './completed-request.ts';
export { canonicalAddress, ClientAddresses } from './client-address.ts';
export { createGateway, gatewayFrom, type Gateway, type GatewayConnections } from './gateway.ts';
export {
  gatewaySchema,
  proxySchema,
  type GatewayOptions,
  type GatewaySettings,
  type ProxyOptions,
  type ProxySettings,
  type UpstreamSettings,
} from './options.ts';
export { upstreamRequestOf } from './pass.ts';
export type { PlainExchange } from './plain-exchange.ts';
export { problemOf, sendProblem, type ProblemDocument } from './problems.ts';
export { createProxy, proxyFrom, type Proxy } from './proxy.ts';
export { SecurityHeaders, type SecurityHeadersSettings } from './security-headers.ts';
export { normaliseAuthority, parseTarget, type Target } from './target.ts';
export { createTierOf, signTier, type TiersSettings } from './tiers.ts';
export type { UpgradeRequest } from './upgrade.ts';
export {
  cursorAfter,
  parseListQuery,
  type FilterKind,
  type ListQuery,
  type ListQueryResult,
  type ListRules,
} from './list-query.ts';
