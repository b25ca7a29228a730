import { BUILT_IN_CLASSES } from './built-in-classes.ts';
import { builtInLayer, merge, trafficPolicy, type Layer, type TrafficKey } from './merge.ts';
import type { ParsedConfig } from './schema.ts';
import type { Sources } from './sources.ts';
import type { ClassPolicy, Provenance, RoutePolicy } from './types.ts';

/** How long the application itself may take, where no upstream says. */
const LIBRARY_TIMEOUT_MS = 30_000;

/** Built-in and declared classes, merged, by name. */
export function resolveClasses(declared: ParsedConfig['classes'], sources: Sources): Record<string, ClassPolicy> {
  const names = new Set([...Object.keys(BUILT_IN_CLASSES), ...Object.keys(declared)]);
  return Object.fromEntries(
    [...names].map((name) => [
      name,
      { name, ...trafficPolicy(merge([...classLayers(name, declared, sources), builtInLayer(name)])) },
    ]),
  );
}

function classLayers(name: string, declared: ParsedConfig['classes'], sources: Sources): Layer[] {
  const values = Object.hasOwn(declared, name) ? declared[name] : undefined;
  return values ? [{ values, from: (key) => sources.of('class', ['classes', name, ...keysOf(key)]) }] : [];
}

/** Every route, merged over its class and that class's built-in, in the order of declaration. */
export function resolveRoutes(parsed: ParsedConfig, sources: Sources): RoutePolicy[] {
  if (Object.keys(parsed.routes).length === 0) return [catchAll(parsed)];
  const names = Object.keys(parsed.upstreams);
  return Object.entries(parsed.routes).map(([pattern, declared]) => {
    const { class: className, upstream: named, tags = [], ...values } = declared;
    const at = (...keys: string[]): Provenance => sources.of('route', ['routes', pattern, ...keys]);
    const upstream = named ?? (names.length === 1 ? names[0] : undefined);
    const { timeoutMs, provenance, ...policy } = trafficPolicy(
      merge([
        { values, from: (key) => at(...keysOf(key)) },
        ...classLayers(className, parsed.classes, sources),
        ...upstreamLayer(upstream, parsed, sources),
        builtInLayer(className),
      ]),
    );
    return {
      pattern,
      className,
      upstream,
      tags,
      ...policy,
      timeoutMs: timeoutMs ?? LIBRARY_TIMEOUT_MS,
      provenance: {
        ...provenance,
        timeout: provenance['timeout'] ?? { by: 'built-in', path: 'timeout' },
        pattern: at(),
        class: at('class'),
        upstream: named !== undefined ? at('upstream') : { by: 'built-in', path: 'the only upstream' },
        tags: at('tags'),
      },
    };
  });
}

function upstreamLayer(name: string | undefined, parsed: ParsedConfig, sources: Sources): Layer[] {
  const upstream = name === undefined ? undefined : parsed.upstreams[name];
  if (!upstream) return [];
  return [{ values: { timeout: upstream.timeoutMs }, from: () => sources.of('config', ['upstreams', name!, 'timeout']) }];
}

/** Serves every path as the origin's own headers ask, when no route is declared. */
function catchAll(parsed: ParsedConfig): RoutePolicy {
  const [upstream] = Object.keys(parsed.upstreams);
  const builtIn = builtInLayer('normal');
  const decided: Provenance = { by: 'built-in', path: 'no routes declared' };
  const own: Layer = { values: { freshness: 'origin' }, from: () => decided };
  const timeoutMs = upstream === undefined ? LIBRARY_TIMEOUT_MS : parsed.upstreams[upstream]!.timeoutMs;
  const { provenance, ...policy } = trafficPolicy(merge([own, builtIn]));
  return {
    pattern: '/**',
    className: 'normal',
    upstream,
    tags: [],
    ...policy,
    timeoutMs,
    provenance: {
      ...provenance,
      timeout: { by: 'built-in', path: 'timeout' },
      pattern: decided,
      class: decided,
      upstream: { by: 'built-in', path: 'the only upstream' },
      tags: decided,
    },
  };
}

function keysOf(key: TrafficKey): string[] {
  return key === 'slo' ? ['slo', 'p95'] : [key];
}
