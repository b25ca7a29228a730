import { parseDuration, parseOptions, runtimeFrom, type Events, type Runtime } from '../kernel/index.ts';
import { describeArrival } from './arrival.ts';
import type { LoadDefinition } from './definition.ts';
import type { LoadEvents } from './events.ts';
import { runDurationMs, type GeneratorRuntime, type Plan } from './generator.ts';
import { endpointOf } from './guard.ts';
import { Measurement } from './measurement.ts';
import { loadOptions, type LoadOptionsInput } from './options.ts';
import { OwnProcesses } from './own-processes.ts';
import { progressOf } from './progress.ts';
import { buildReport, type LoadReport } from './report.ts';
import { withSession } from './session.ts';
import { MetricsReader, type ServerMetrics } from './server-metrics.ts';
import { LocalShare, type Share } from './share.ts';
import { abortingThreshold, parseThresholds, type Threshold } from './thresholds.ts';
import { Timeline } from './timeline.ts';
import { WorkerShare } from './worker-share.ts';

const PROGRESS_MS = 500;
/** Workers get this long to hear of the start, so that all keep to the same schedule. */
const START_TOGETHER_MS = 200;

export interface LoadRuntime extends Runtime, Omit<GeneratorRuntime, 'clock'> {
  /** Hears of the run's start and progress. */
  readonly events: Events<LoadEvents>;
  /** Ends the run early; what was measured until then is reported. */
  readonly signal: AbortSignal;
}

/**
 * Runs a load test and reports. Latencies count from the moment a request should have left, so a target that stalls
 * cannot hide it; and a run in which the generator itself was the bottleneck is reported as invalid.
 *
 * @throws ConfigError for wrong options or thresholds; SpillwayError `SPILLWAY_LOAD_TARGET_REFUSED` for a target that is
 * not this machine and not allowed by name; whatever `setup` or `teardown` throw.
 */
export async function runLoad<Data>(
  definition: LoadDefinition<Data>,
  options: LoadOptionsInput = {},
  runtime: Partial<LoadRuntime> = {},
): Promise<LoadReport> {
  const resolved = parseOptions(loadOptions, options, 'runLoad(options)');
  const thresholds = parseThresholds(definition.thresholds);
  const endpoint = await endpointOf(definition.target, resolved.allowHosts, resolved.verifyCertificate);
  if (resolved.metricsUrl !== undefined) await endpointOf(resolved.metricsUrl, resolved.allowHosts, true);
  const plan: Plan = { definition: definition as LoadDefinition, options: resolved, endpoint };
  const processes = new OwnProcesses(runtimeFrom(runtime).clock);
  try {
    await processes.start(definition.processes ?? {});
    const data = definition.setup ? await withSession(plan, runtime, (session) => definition.setup!(session)) : undefined;
    try {
      return await measure(plan, thresholds, data, processes, runtime);
    } finally {
      if (definition.teardown) await withSession(plan, runtime, (session) => definition.teardown!(data as Data, session));
    }
  } finally {
    await processes.stop();
  }
}

async function measure(
  plan: Plan,
  thresholds: readonly Threshold[],
  data: unknown,
  processes: OwnProcesses,
  given: Partial<LoadRuntime>,
): Promise<LoadReport> {
  const { clock } = runtimeFrom(given);
  const { definition, options } = plan;
  const shares = sharesOf(plan, thresholds, { ...given, clock });
  const durationMs = runDurationMs(definition);
  try {
    await Promise.all(shares.map((share) => share.prepare()));
    const delayMs = options.workers === 1 ? 0 : START_TOGETHER_MS;
    const startedAtMs = clock.now() + delayMs;
    const startMs = clock.monotonic() + delayMs;
    let aborted: Threshold | undefined;
    given.events?.emit('started', { target: definition.target, arrival: describeArrival(definition.arrival), durationMs });
    const reader = options.metricsUrl === undefined ? undefined : new MetricsReader(options.metricsUrl, clock);
    reader?.start(startMs);
    const watching = clock.setRepeating(() => {
      const elapsedMs = clock.monotonic() - startMs;
      const samples = shares.flatMap((share) => share.progress ?? []);
      if (samples.length > 0) given.events?.emit('progress', progressOf(samples, elapsedMs, durationMs));
      aborted ??= abortingThreshold(thresholds, measuredSoFar(shares, durationMs), elapsedMs);
      if (aborted || given.signal?.aborted) for (const share of shares) share.stop();
    }, PROGRESS_MS);
    const faults = (definition.faults ?? []).map((step) =>
      clock.setTimer(() => processes.apply(step, clock.monotonic() - startMs), delayMs + parseDuration(step.at)!),
    );
    let server: ServerMetrics | undefined;
    const results = await Promise.all(shares.map((share) => share.run(delayMs, data))).finally(() => {
      watching.cancel();
      for (const fault of faults) fault.cancel();
      server = reader?.stop();
    });
    return buildReport({
      plan,
      measurement: mergedMeasurement(
        results.map((result) => result.measurement),
        durationMs,
      ),
      uses: results.map((result) => result.use),
      startedAtMs,
      durationMs,
      elapsedMs: clock.monotonic() - startMs,
      cpuMs: results.reduce((sum, result) => sum + result.cpuMs, 0),
      thresholds,
      aborted,
      server,
      faults: processes.marks,
    });
  } finally {
    await Promise.all(shares.map((share) => share.close()));
  }
}

/** One share in this process, or one in each of several worker processes. */
function sharesOf(plan: Plan, thresholds: readonly Threshold[], runtime: GeneratorRuntime): Share[] {
  const { workers } = plan.options;
  if (workers === 1) return [new LocalShare(plan, runtime)];
  const mayAbort = thresholds.some((threshold) => threshold.abortOnFail);
  return Array.from({ length: workers }, (_, worker) => new WorkerShare(plan, { worker, workers }, mayAbort));
}

function measuredSoFar(shares: readonly Share[], durationMs: number): Measurement {
  return mergedMeasurement(
    shares.flatMap((share) => share.measurement ?? []),
    durationMs,
  );
}

function mergedMeasurement(parts: readonly Measurement[], durationMs: number): Measurement {
  if (parts.length === 1) return parts[0]!;
  const merged = new Measurement(new Timeline(durationMs));
  for (const part of parts) merged.merge(part.toJSON());
  return merged;
}
