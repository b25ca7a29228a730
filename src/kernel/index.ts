export { BoundedQueue } from './bounded-queue.ts';
export { sleepOn, systemClock, type Clock, type Timer, type TimerOptions } from './clock.ts';
export { ERROR_CODES, type ErrorCode } from './error-codes.ts';
export { ConfigError, messageOf, SpillwayError, type Problem, type SpillwayErrorOptions } from './errors.ts';
export { Events } from './events.ts';
export { highestInCell, Histogram, lowestInCell, type HistogramData } from './histogram.ts';
export { Lifecycle, type LifecycleEvents, type LifecycleState, type Part } from './lifecycle.ts';
export {
  Metrics,
  TIMING_BITS,
  TIMING_BUCKETS_MS,
  type Counter,
  type Family,
  type FamilySnapshot,
  type Gauge,
  type Labels,
  type MetricInfo,
  type MetricKind,
  type MetricsSnapshot,
  type SeriesSnapshot,
  type TimingSnapshot,
  type Timing,
} from './metrics.ts';
export { nearestName } from './nearest.ts';
export {
  count,
  deepFreeze,
  duration,
  formatPath,
  parseOptions,
  problemsOf,
  share,
  show,
  size,
  type OptionMeta,
} from './options.ts';
export { packageVersion } from './package-version.ts';
export { PROBLEM_KINDS, PROBLEM_TYPE, problemFields, problemText, type ProblemDocument } from './problem.ts';
export { formatDuration, formatSize, parseDuration, parseSize, type Duration, type Size } from './quantities.ts';
export { backoffMs, jitter, randomInt, seededRandom, systemRandom, type Random } from './random.ts';
export { runtimeFrom, type Runtime } from './runtime.ts';
export { SimulatedClock } from './simulated-clock.ts';
export { SingleFlight } from './single-flight.ts';
export { globTest } from './glob.ts';
