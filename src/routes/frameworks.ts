import { FILTER_SEPARATOR } from './filters.ts';
import type { PlannedRoute, RouteKind, Tier } from './types.ts';
import type { Priority } from '../policy/index.ts';

/**
 * Which pages a file of the framework builds.
 *
 * | `only` | Astro | Next |
 * |---|---|---|
 * | undefined: all | `[city]/[...filters].astro` | `[city]/[[...filters]]/page.tsx` |
 * | `landing` | `[city]/index.astro` | `[city]/page.tsx` |
 * | `combinations` | `[city]/[filters].astro` | `[city]/[filters]/page.tsx` |
 */
export interface Handover {
  readonly only?: 'landing' | 'combinations';
}

/** What Astro's `getStaticPaths` returns for each page. */
export interface StaticPath {
  readonly params: { readonly city: string; readonly filters?: string | undefined };
  readonly props: {
    readonly name: string;
    readonly tier: Tier;
    readonly filters: readonly string[];
    readonly kind: RouteKind;
    readonly priority: Priority;
  };
}

/** What Next's `generateStaticParams` returns for each page. */
export interface StaticParams {
  readonly city: string;
  /** One segment; a list of segments where the file is a catch-all. */
  readonly filters?: string | readonly string[];
}

/** As Astro wants them: all at once. A rest parameter that is undefined means the page without that segment. */
export async function astroPaths(routes: AsyncIterable<PlannedRoute>, { only }: Handover): Promise<StaticPath[]> {
  const paths: StaticPath[] = [];
  for await (const { city, filters, kind, priority } of routes) {
    if (leftOut(kind, only)) continue;
    const text = filters.length === 0 ? undefined : filters.join(FILTER_SEPARATOR);
    paths.push({
      params: only === 'landing' ? { city: city.slug } : { city: city.slug, filters: text },
      props: { name: city.name, tier: city.tier, filters, kind, priority },
    });
  }
  return paths;
}

/** As Next wants them: all at once. A catch-all parameter is a list of segments, empty for the page without any. */
export async function nextParams(routes: AsyncIterable<PlannedRoute>, { only }: Handover): Promise<StaticParams[]> {
  const params: StaticParams[] = [];
  for await (const { city, filters, kind } of routes) {
    if (leftOut(kind, only)) continue;
    const text = filters.join(FILTER_SEPARATOR);
    if (only === 'landing') params.push({ city: city.slug });
    else if (only === 'combinations') params.push({ city: city.slug, filters: text });
    else params.push({ city: city.slug, filters: text === '' ? [] : [text] });
  }
  return params;
}

function leftOut(kind: RouteKind, only: Handover['only']): boolean {
  return only !== undefined && (kind === 'landing') !== (only === 'landing');
}
