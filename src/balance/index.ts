export {
  balancerFrom,
  createBalancer,
  type Balancer,
  type BalancerContext,
  type EndpointStatus,
  type Outcome,
} from './balance.ts';
export type { Endpoint, EndpointSettings, EndpointState } from './endpoint.ts';
export type { BalanceEvents } from './events.ts';
export type { Probe } from './health-checks.ts';
export { balancerSchema, type BalancerOptions, type BalancerSettings } from './options.ts';
export type { PickContext } from './strategies/index.ts';
