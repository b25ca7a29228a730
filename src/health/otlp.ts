import { parseOptions, runtimeFrom, SpillwayError, type Runtime } from '../kernel/index.ts';
import type { OtlpPolicy } from '../policy/index.ts';
import type { Health } from './health.ts';
import { otlpOptions, type OtlpExport, type OtlpOptions } from './otlp-options.ts';

/**
 * Sends all metrics to an OpenTelemetry collector, under the names of its semantic conventions where those have one. Needs the
 * packages `@opentelemetry/exporter-metrics-otlp-http` and `@opentelemetry/resources`, which Spillway does not bring along.
 * @throws ConfigError naming every wrong option.
 * @throws SpillwayError `SPILLWAY_PEER_MISSING` when the packages are not installed.
 */
export async function createOtlpExport(
  health: Health,
  options: OtlpOptions = {},
  runtime: Partial<Runtime> = {},
): Promise<OtlpExport> {
  return otlpExportFrom(health, parseOptions(otlpOptions, options, 'createOtlpExport(options)'), runtime);
}

/**
 * {@link createOtlpExport} by options that are resolved already: the policy's section `otlp`.
 * @throws SpillwayError `SPILLWAY_PEER_MISSING` when the packages are not installed.
 */
export async function otlpExportFrom(health: Health, settings: OtlpPolicy, runtime: Partial<Runtime> = {}): Promise<OtlpExport> {
  // Apart, so that neither the packages nor their types are needed by those who do not export.
  const { openOtlpExport } = await import('./otlp-export.ts').catch((cause: unknown) => {
    const packages = '@opentelemetry/exporter-metrics-otlp-http @opentelemetry/resources';
    throw new SpillwayError('SPILLWAY_PEER_MISSING', `OTLP needs packages that are not installed: npm install ${packages}`, {
      cause,
    });
  });
  return openOtlpExport(health, settings, runtimeFrom(runtime));
}
