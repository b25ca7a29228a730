import type { HrTime } from '@opentelemetry/api';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import type { DataPoint, MetricData, PushMetricExporter, ResourceMetrics } from '@opentelemetry/sdk-metrics';
import { Events, TIMING_BUCKETS_MS, type Runtime, type Timer } from '../kernel/index.ts';
import type { OtlpPolicy } from '../policy/index.ts';
import { exposedName } from './exposed-name.ts';
import type { FleetFamily, FleetSeries } from './fleet.ts';
import type { Health } from './health.ts';
import { otlpAttribute, otlpName, type OtlpName } from './otlp-names.ts';
import type { OtlpEvents, OtlpExport } from './otlp-options.ts';

/** The part of `createOtlpExport` that needs OpenTelemetry's packages. */
export function openOtlpExport(health: Health, settings: OtlpPolicy, runtime: Runtime): OtlpExport {
  const exporter = new OTLPMetricExporter({ url: settings.url, headers: { ...settings.headers } });
  const { name, version } = health.service;
  const resource = resourceFromAttributes({ 'service.name': name, ...(version && { 'service.version': version }) });
  return new HttpExport(health, exporter, resource, settings.every, runtime);
}

class HttpExport implements OtlpExport {
  readonly events = new Events<OtlpEvents>();
  readonly #health: Health;
  readonly #exporter: PushMetricExporter;
  readonly #resource: ResourceMetrics['resource'];
  readonly #clock: Runtime['clock'];
  readonly #timer: Timer;
  #sending: Promise<void> | undefined;

  constructor(
    health: Health,
    exporter: PushMetricExporter,
    resource: ResourceMetrics['resource'],
    everyMs: number,
    { clock }: Runtime,
  ) {
    this.#health = health;
    this.#exporter = exporter;
    this.#resource = resource;
    this.#clock = clock;
    this.#timer = clock.setRepeating(() => void this.send(), everyMs);
  }

  send(): Promise<void> {
    return (this.#sending ??= this.#send().finally(() => (this.#sending = undefined)));
  }

  async stop(): Promise<void> {
    this.#timer.cancel();
    await this.send();
    await this.#exporter.shutdown();
  }

  async #send(): Promise<void> {
    const families = await this.#health.families();
    const batch = metricsOf(families, this.#health.service.startedMs, this.#clock.now());
    const metrics: ResourceMetrics = {
      resource: this.#resource,
      scopeMetrics: [{ scope: { name: 'spillway' }, metrics: batch }],
    };
    await new Promise<void>((resolve) => {
      this.#exporter.export(metrics, ({ code, error }) => {
        if (code !== 0) this.events.emit('failed', { error });
        resolve();
      });
    });
  }
}

// The numbers of OpenTelemetry's enums.
const CUMULATIVE = 1;
const [HISTOGRAM, GAUGE, SUM] = [0, 2, 3] as const;
const DOUBLE = 1;
const BOUNDARIES = TIMING_BUCKETS_MS.map((ms) => ms / 1000);

/** All families as OpenTelemetry's data. */
function metricsOf(families: Iterable<FleetFamily>, startMs: number, nowMs: number): MetricData[] {
  return [...families].filter(({ series }) => series.size > 0).map((family) => metricOf(family, timeOf(startMs), timeOf(nowMs)));
}

function metricOf(family: FleetFamily, startTime: HrTime, endTime: HrTime): MetricData {
  const named = otlpName(exposedName(family), family.unit);
  const descriptor = { name: named.name, description: family.help, unit: named.unit, valueType: DOUBLE };
  const pointOf = <Value>(series: FleetSeries, value: Value): DataPoint<Value> => ({
    startTime,
    endTime,
    attributes: attributesOf(series, named),
    value,
  });
  const all = [...family.series.values()];
  const base = { descriptor, aggregationTemporality: CUMULATIVE };
  if (family.kind === 'timing') {
    return {
      ...base,
      dataPointType: HISTOGRAM,
      dataPoints: all.map((series) => pointOf(series, histogramOf(series))),
    } as MetricData;
  }
  const dataPoints = all.map((series) => pointOf(series, series.value));
  const isCounter = family.kind === 'counter';
  return { ...base, dataPointType: isCounter ? SUM : GAUGE, ...(isCounter && { isMonotonic: true }), dataPoints } as MetricData;
}

function histogramOf({ timing }: FleetSeries) {
  const { buckets, count, sumUs } = timing!;
  return { buckets: { boundaries: BOUNDARIES, counts: Array.from(buckets) }, sum: sumUs / 1e6, count };
}

function attributesOf({ labels }: FleetSeries, named: OtlpName): Record<string, string> {
  return Object.fromEntries(Object.entries(labels).map(([label, value]) => [otlpAttribute(named, label), value]));
}

function timeOf(ms: number): HrTime {
  return [Math.floor(ms / 1000), Math.round((ms % 1000) * 1e6)];
}
