export { misconfigurations, type CheckEvents, type MisconfigurationCode } from './checks.ts';
export { clientAddress, type TrustedProxies } from './client-ip.ts';
export {
  createConcurrencyLimiter,
  ConcurrencyLimiter,
  type ConcurrencyEvents,
  type ConcurrencyOptions,
  type Permit,
} from './concurrency.ts';
export type { Decision, DecisionReason, LimitState } from './decision.ts';
export type { LimitEvents } from './events.ts';
export {
  createLimitGate,
  LimitGate,
  limitGateOptions,
  type Identify,
  type LimitGateOptions,
  type LimitStanding,
} from './gate.ts';
export { limitFields, type FieldChoice } from './http-fields.ts';
export { createLimiter, type CheckOptions, type Limiter } from './limit.ts';
export { limiterOptions, type LimiterOptions } from './options.ts';
export { LIMIT_PRESETS, type LimitPreset } from './presets.ts';
export type { Reservation } from './reservation.ts';
export { refusalOf, type Refusal } from './refusal.ts';
export type { LimitBy, Subject } from './subject.ts';
