import { parseOptions, runtimeFrom, systemClock, type Events, type Runtime } from '../kernel/index.ts';
import { arrivalDurationMs, describeArrival } from './arrival.ts';
import type { LoadDefinition } from './definition.ts';
import type { LoadEvents } from './events.ts';
import { Generator, type GeneratorRuntime, type Plan } from './generator.ts';
import { endpointOf } from './guard.ts';
import { loadOptions, type LoadOptionsInput } from './options.ts';
import { progressOf } from './progress.ts';
import { buildReport, type LoadReport } from './report.ts';
import { withSession } from './session.ts';
import { abortingThreshold, parseThresholds, type Threshold } from './thresholds.ts';

const PROGRESS_MS = 500;

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
  const plan: Plan = { definition: definition as LoadDefinition, options: resolved, endpoint };
  const data = definition.setup ? await withSession(plan, runtime, (session) => definition.setup!(session)) : undefined;
  try {
    return await measure(plan, thresholds, data, runtime);
  } finally {
    if (definition.teardown) await withSession(plan, runtime, (session) => definition.teardown!(data as Data, session));
  }
}

async function measure(
  plan: Plan,
  thresholds: readonly Threshold[],
  data: unknown,
  given: Partial<LoadRuntime>,
): Promise<LoadReport> {
  const { clock } = runtimeFrom(given);
  const generator = new Generator(plan, { worker: 0, workers: 1 }, { ...given, clock });
  const durationMs = arrivalDurationMs(plan.definition.arrival);
  await generator.prepare();
  const cpuBefore = clock === systemClock ? process.cpuUsage() : undefined;
  const startedAtMs = clock.now();
  const startMs = clock.monotonic();
  let aborted: Threshold | undefined;
  given.events?.emit('started', {
    target: plan.definition.target,
    arrival: describeArrival(plan.definition.arrival),
    durationMs,
  });
  const watching = clock.setRepeating(() => {
    const elapsedMs = clock.monotonic() - startMs;
    given.events?.emit('progress', progressOf(generator.measurement, elapsedMs, durationMs));
    aborted ??= abortingThreshold(thresholds, generator.measurement, elapsedMs);
    if (aborted || given.signal?.aborted) generator.stop();
  }, PROGRESS_MS);
  const use = await generator.run(startMs, data).finally(() => watching.cancel());
  const cpu = cpuBefore ? process.cpuUsage(cpuBefore) : { user: 0, system: 0 };
  return buildReport({
    plan,
    measurement: generator.measurement,
    uses: [use],
    startedAtMs,
    durationMs,
    elapsedMs: clock.monotonic() - startMs,
    cpuMs: (cpu.user + cpu.system) / 1000,
    thresholds,
    aborted,
  });
}
