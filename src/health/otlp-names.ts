/** OpenTelemetry's name of a metric, its unit, and the attributes its labels become. */
export interface OtlpName {
  readonly name: string;
  readonly unit: string;
  readonly attributes: Readonly<Record<string, string>>;
}

/** Metrics that the semantic conventions have a name for, by the name Prometheus sees. */
const CONVENTIONS: Readonly<
  Record<string, readonly [name: string, unit: string, attributes?: Readonly<Record<string, string>>]>
> = {
  spillway_http_route_duration_seconds: [
    'http.server.request.duration',
    's',
    { route: 'http.route', method: 'http.request.method' },
  ],
  spillway_http_in_flight: ['http.server.active_requests', '{request}'],
  spillway_app_query_seconds: ['db.client.operation.duration', 's', { operation: 'db.operation.name' }],
  process_cpu_seconds: ['process.cpu.time', 's'],
  process_resident_memory_bytes: ['process.memory.usage', 'By'],
  process_open_fds: ['process.unix.file_descriptor.count', '{file_descriptor}'],
  nodejs_eventloop_utilization_ratio: ['nodejs.eventloop.utilization', '1'],
  nodejs_eventloop_delay_p50_seconds: ['nodejs.eventloop.delay.p50', 's'],
  nodejs_eventloop_delay_p99_seconds: ['nodejs.eventloop.delay.p99', 's'],
  nodejs_eventloop_delay_max_seconds: ['nodejs.eventloop.delay.max', 's'],
  v8js_memory_heap_used_bytes: ['v8js.memory.heap.used', 'By'],
  v8js_memory_heap_limit_bytes: ['v8js.memory.heap.limit', 'By'],
  v8js_gc_duration_seconds: ['v8js.gc.duration', 's', { kind: 'v8js.gc.type' }],
};

const UNITS: Readonly<Record<string, string>> = { seconds: 's', bytes: 'By', ratio: '1' };

/** `spillway_cache_hits` → `spillway.cache.hits`; labels become attributes under `spillway.`. */
export function otlpName(exposed: string, unit: string | undefined): OtlpName {
  const known = CONVENTIONS[exposed];
  if (known) return { name: known[0], unit: known[1], attributes: known[2] ?? {} };
  const bare = unit !== undefined && exposed.endsWith(`_${unit}`) ? exposed.slice(0, -unit.length - 1) : exposed;
  return { name: bare.replace('_', '.').replace('_', '.'), unit: UNITS[unit ?? ''] ?? '1', attributes: {} };
}

/** The attribute that a label becomes. */
export function otlpAttribute({ attributes }: OtlpName, label: string): string {
  return attributes[label] ?? `spillway.${label}`;
}
