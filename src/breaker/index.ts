export { Breaker, createBreaker, type ExecuteOptions, type Outcome, type Ticket } from './breaker.ts';
export type { BreakerEvents, BreakerReason, BreakerState } from './events.ts';
export { BREAKER_PRESETS, breakerOptions, type BreakerOptions, type BreakerPreset } from './options.ts';
