export {
  AdaptiveConcurrency,
  createAdaptiveConcurrency,
  type AdaptiveConcurrencyEvents,
  type AdaptiveConcurrencyOptions,
  type WorkOutcome,
} from './adaptive-concurrency.ts';
export type { ShedEvents, ShedReason } from './events.ts';
export { shedOptions, type ShedderOptions } from './options.ts';
export { refuseShed, shedRefusalOf, type RefusableExchange, type ShedRefusal } from './refusal.ts';
export { createShedder, Shedder, type Admission, type AdmissionRequest, type EventLoop } from './shed.ts';
export { shedOnMiss } from './shed-on-miss.ts';
export { shedAtServer } from './shed-at-server.ts';
