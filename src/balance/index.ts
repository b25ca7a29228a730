export { balancerFrom, createBalancer, type Balancer, type EndpointStatus, type Outcome } from './balance.ts';
export { Endpoint, type EndpointSettings, type EndpointState } from './endpoint.ts';
export type { BalanceEvents } from './events.ts';
export { balancerSchema, STRATEGIES, type BalancerOptions, type BalancerSettings, type StrategyName } from './options.ts';
export type { PickContext, Strategy } from './strategies/strategy.ts';
