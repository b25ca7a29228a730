export { readAccessLog, type Recording, type ReplayOptions } from './access-log.ts';
export {
  constant,
  poisson,
  ramp,
  sine,
  steps,
  users,
  type Arrival,
  type ClosedArrival,
  type ClosedFor,
  type OpenArrival,
  type OpenFor,
  type ReplayArrival,
  type SineOptions,
  type StepOptions,
} from './arrival.ts';
export {
  defineLoad,
  type FixedRequest,
  type FixedScenario,
  type LoadDefinition,
  type Scenario,
  type ScenarioContext,
  type ScenarioRequestOptions,
  type ScriptedScenario,
  type SetupContext,
} from './definition.ts';
export type { LoadEvents, LoadProgress } from './events.ts';
export { feed, type Feed } from './feed.ts';
export { runLoad, type LoadRuntime } from './load.ts';
export { loadOptions, type LoadOptionsInput } from './options.ts';
export type { FaultMark, FaultStep, OwnProcess } from './own-processes.ts';
export type { Percentiles } from './percentiles.ts';
export { parseRate, rate, type Rate } from './rate.ts';
export { compareWithBaseline, withBaseline } from './baseline.ts';
export { renderHtml } from './html/report-page.ts';
export { renderJUnit } from './junit.ts';
export { EXIT_CODES, type Comparison, type LoadFigures, type LoadReport, type TimelinePoint, type Verdict } from './report.ts';
export type { ServerFigure, ServerMetrics } from './server-metrics.ts';
export type { LoadResponse } from './response.ts';
export { loadOfRoutes, type RouteLoad, type RouteToLoad } from './route-scenarios.ts';
export type { LiveSockets } from './sockets/definition.ts';
export type { ThresholdInput, ThresholdOutcome } from './thresholds.ts';
export { STANDARD_LOADS, type StandardLoad } from './standard/index.ts';
