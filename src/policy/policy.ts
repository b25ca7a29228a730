import { ConfigError, deepFreeze, formatPath, type Problem } from '../kernel/index.ts';
import { BUILT_IN_CLASSES } from './built-in-classes.ts';
import { checkConfig } from './check.ts';
import { explain, type ExplainLayer, type Explanation } from './explain.ts';
import { applyFlags, type PolicyFlags } from './flags.ts';
import { Matcher } from './matcher.ts';
import { builtInLayer, merge, trafficPolicy, type Layer, type TrafficKey } from './merge.ts';
import { parseConfig } from './parse-config.ts';
import { parsePattern, type Pattern } from './pattern.ts';
import type { RouteTable } from './route-table.ts';
import type { ParsedConfig, ResolvedConfig, SpillwayConfig } from './schema.ts';
import type { SourceLines } from './source-lines.ts';
import { expandTag } from './tags.ts';
import type { ClassPolicy, Provenance, RouteMatch, RoutePolicy } from './types.ts';

export interface PolicyOptions {
  /** The config's file, as it is shown to people. */
  readonly file?: string;
  /** Finds the lines of the file, for provenance and problems. */
  readonly sourceLines?: SourceLines;
  /** Values of the command line, which go before the config's. */
  readonly flags?: PolicyFlags;
}

/** What the user declared, resolved once and frozen: every layer reads this and nothing else. */
export interface Policy extends RouteTable {
  /**
   * Every decision about one URL, and who made it.
   * @param url a path with or without query, or a whole address.
   * @param layers what other rooms have to say.
   */
  explain(method: string, url: string, layers?: readonly ExplainLayer[]): Explanation;
}

/**
 * Resolves a config: parse, check, merge, and build the route table.
 * @throws ConfigError with every problem at once.
 */
export function createPolicy(config: SpillwayConfig, options: PolicyOptions = {}): Policy {
  const { declared, flagged } = applyFlags(config, options.flags ?? {});
  const { parsed, problems } = parseConfig(declared);
  const found = [
    ...problems,
    ...checkConfig(parsed, { classes: namesIn(declared, 'classes'), upstreams: namesIn(declared, 'upstreams') }),
  ];
  if (found.length > 0) throw new ConfigError(options.file ?? 'config', withLines(found, options.sourceLines));
  return new ResolvedPolicy(parsed, new Sources(declared, flagged, options));
}

class ResolvedPolicy implements Policy {
  readonly config: ResolvedConfig;
  readonly routes: readonly RoutePolicy[];
  readonly classes: Readonly<Record<string, ClassPolicy>>;
  readonly #matcher = new Matcher<RoutePolicy>();
  readonly #sources: Sources;

  constructor(parsed: ParsedConfig, sources: Sources) {
    const { classes, routes, ...config } = parsed;
    this.config = deepFreeze(config);
    this.#sources = sources;
    this.classes = deepFreeze(resolveClasses(classes, sources));
    this.routes = deepFreeze(Object.keys(routes).length === 0 ? [catchAll(parsed)] : resolveRoutes(parsed, sources));
    for (const route of this.routes) this.#matcher.add(parsePattern(route.pattern) as Pattern, route);
  }

  match(method: string, path: string): RouteMatch | undefined {
    return this.#matcher.find(method, path);
  }

  tagsFor({ route, params }: RouteMatch): string[] {
    return route.tags.map((tag) => expandTag(tag, params));
  }

  provenanceOf(keys: readonly PropertyKey[]): Provenance {
    return this.#sources.of('config', keys);
  }

  explain(method: string, url: string, layers: readonly ExplainLayer[] = []): Explanation {
    return explain(this, method, url, layers);
  }
}

function resolveClasses(declared: ParsedConfig['classes'], sources: Sources): Record<string, ClassPolicy> {
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

function resolveRoutes(parsed: ParsedConfig, sources: Sources): RoutePolicy[] {
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

/** How long the application itself may take, where no upstream says. */
const LIBRARY_TIMEOUT_MS = 30_000;

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

/** Knows of each value of the config whether it was declared, where, and whether a flag overrode it. */
class Sources {
  readonly #declared: unknown;
  readonly #flagged: ReadonlyMap<string, string>;
  readonly #options: PolicyOptions;

  constructor(declared: unknown, flagged: ReadonlyMap<string, string>, options: PolicyOptions) {
    this.#declared = declared;
    this.#flagged = flagged;
    this.#options = options;
  }

  of(by: 'config' | 'class' | 'route', keys: readonly PropertyKey[]): Provenance {
    const path = formatPath(keys);
    const flag = this.#flagged.get(path);
    if (flag !== undefined) return { by: 'flag', path: flag };
    if (!this.#isDeclared(keys)) return { by: 'built-in', path };
    const line = this.#options.sourceLines?.lineOf(keys);
    const { file } = this.#options;
    return { by, path, ...(file === undefined ? {} : { file }), ...(line === undefined ? {} : { line }) };
  }

  #isDeclared(keys: readonly PropertyKey[]): boolean {
    let at: unknown = this.#declared;
    for (const key of keys) at = (at as Record<PropertyKey, unknown> | null | undefined)?.[key];
    return at !== undefined;
  }
}

function keysOf(key: TrafficKey): string[] {
  return key === 'slo' ? ['slo', 'p95'] : [key];
}

function namesIn(declared: SpillwayConfig, section: 'classes' | 'upstreams'): string[] {
  const value: unknown = declared?.[section];
  return typeof value === 'object' && value !== null ? Object.keys(value) : [];
}

function withLines(problems: readonly Problem[], lines: SourceLines | undefined): Problem[] {
  const placed = problems.map((problem) => {
    const line = lines?.lineOf(problem.keys ?? []);
    return line === undefined ? problem : { ...problem, line };
  });
  return placed.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0));
}
