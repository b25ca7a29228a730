import { BUILT_IN_CLASSES } from './built-in-classes.ts';
import { trafficSchema, type TrafficOptions } from './sections/traffic.ts';
import type { ClassPolicy, LimitPolicy, OutgoingCacheHeaders, PageCachePolicy, Provenance } from './types.ts';

export type TrafficKey = keyof TrafficOptions;

/** One who may decide: a route, a class, a built-in. Who comes first in a list of layers goes first. */
export interface Layer {
  readonly values: TrafficOptions;
  from(key: TrafficKey): Provenance;
}

/** What the layers come to, and who decided each value. */
export interface Merged {
  readonly values: TrafficOptions;
  readonly provenance: Readonly<Partial<Record<TrafficKey, Provenance>>>;
}

export function merge(layers: readonly Layer[]): Merged {
  const values: Record<string, unknown> = {};
  const provenance: Partial<Record<TrafficKey, Provenance>> = {};
  for (const key of Object.keys(trafficSchema.shape) as TrafficKey[]) {
    const decider = layers.find((layer) => layer.values[key] !== undefined);
    if (!decider) continue;
    values[key] = decider.values[key];
    provenance[key] = decider.from(key);
  }
  return { values: values as TrafficOptions, provenance };
}

const BUILT_INS = new Map(Object.entries(BUILT_IN_CLASSES).map(([name, declared]) => [name, trafficSchema.parse(declared)]));

/** The built-in class of that name, or `normal`, which every new class starts from. */
export function builtInLayer(className: string): Layer {
  const name = BUILT_INS.has(className) ? className : 'normal';
  return { values: BUILT_INS.get(name)!, from: (key) => ({ by: 'built-in', path: `${name}.${key}` }) };
}

/** The merged values in the shape that the layers read. */
export function trafficPolicy({ values, provenance }: Merged): Omit<ClassPolicy, 'name'> {
  return {
    priority: values.priority!,
    cache: values.cache ? cachePolicy(values) : undefined,
    headers: outgoingHeaders(values),
    limits: (values.limit ?? []).map(limitPolicy),
    timeoutMs: values.timeout,
    sloP95Ms: values.slo?.p95,
    provenance,
  };
}

function cachePolicy(values: TrafficOptions): PageCachePolicy {
  return {
    freshness: values.freshness!,
    revalidateMs: values.revalidate!,
    memoryTtlMs: values.memoryTtl!,
    storeTtlMs: values.storeTtl!,
    graceMs: values.grace!,
    forceAfterMs: values.forceAfter!,
    query: values.query!,
    varyHeaders: values.varyHeaders!.map((name) => name.toLowerCase()),
    varyCookies: values.varyCookies!,
  };
}

/**
 * Browsers get `max-age`, any shared cache `s-maxage`, and CDNs fields of their own, because browsers cannot be purged.
 * Where the origin's headers decide, or nothing may be stored, Spillway adds none.
 */
function outgoingHeaders(values: TrafficOptions): OutgoingCacheHeaders {
  if (!values.cache || values.freshness === 'origin')
    return { cacheControl: undefined, cdnCacheControl: undefined, surrogateControl: undefined };
  const [browser, cdn, cdnGrace] = [values.browserTtl!, values.cdnTtl!, values.cdnGrace!].map((ms) => Math.round(ms / 1000));
  return {
    cacheControl: `public, max-age=${browser}, s-maxage=${cdn}${values.immutable ? ', immutable' : ''}`,
    cdnCacheControl: `max-age=${cdn}`,
    surrogateControl: `max-age=${cdn}${cdnGrace! > 0 ? `, stale-while-revalidate=${cdnGrace}` : ''}`,
  };
}

function limitPolicy(declared: NonNullable<TrafficOptions['limit']>[number]): LimitPolicy {
  return {
    limit: declared.limit,
    windowMs: declared.window,
    algorithm: declared.algorithm,
    burst: declared.burst,
    by: declared.by,
  };
}
