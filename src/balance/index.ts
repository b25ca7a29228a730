export {
  balancerFrom,
  createBalancer,
  type Balancer,
  type BalancerContext,
  type EndpointStatus,
  type Outcome,
} from './balance.ts';
export { BalancedDispatcher, createBalancedFetch, type BalancedFetch, type DispatcherContext } from './balanced-dispatcher.ts';
export type { Endpoint, EndpointSettings, EndpointState } from './endpoint.ts';
export type { BalanceEvents } from './events.ts';
export type { Probe } from './health-checks.ts';
export { balancerSchema, type BalancerOptions, type BalancerSettings, type DispatcherOptions } from './options.ts';
export type { PickContext } from './strategies/index.ts';
