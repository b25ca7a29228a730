import { ConfigError, deepFreeze, type Problem } from '../kernel/index.ts';
import { checkConfig } from './check.ts';
import { explain, type ExplainLayer, type Explanation } from './explain.ts';
import { applyFlags, type PolicyFlags } from './flags.ts';
import { Matcher } from './matcher.ts';
import { parseConfig } from './parse-config.ts';
import { parsePattern, type Pattern } from './pattern.ts';
import { resolveClasses, resolveRoutes } from './resolve.ts';
import type { RouteTable } from './route-table.ts';
import type { ParsedConfig, ResolvedConfig, SpillwayConfig } from './schema.ts';
import type { SourceLines } from './source-lines.ts';
import { Sources } from './sources.ts';
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
  if (found.length > 0) throw new ConfigError(options.file ?? 'config', placed(found, flagged, options.sourceLines));
  return new ResolvedPolicy(parsed, new Sources(declared, flagged, options));
}

class ResolvedPolicy implements Policy {
  readonly config: ResolvedConfig;
  readonly routes: readonly RoutePolicy[];
  readonly classes: Readonly<Record<string, ClassPolicy>>;
  readonly #matcher = new Matcher<RoutePolicy>();
  readonly #sources: Sources;

  constructor(parsed: ParsedConfig, sources: Sources) {
    const { classes, routes: _, ...config } = parsed;
    this.config = deepFreeze(config);
    this.#sources = sources;
    this.classes = deepFreeze(resolveClasses(classes, sources));
    this.routes = deepFreeze(resolveRoutes(parsed, sources));
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

function namesIn(declared: SpillwayConfig, section: 'classes' | 'upstreams'): string[] {
  const value: unknown = declared?.[section];
  return typeof value === 'object' && value !== null ? Object.keys(value) : [];
}

/** The problems with the lines they lie on, in that order; those of a flag under its name. */
function placed(problems: readonly Problem[], flagged: ReadonlyMap<string, string>, lines: SourceLines | undefined): Problem[] {
  const places = problems.map((problem) => {
    const flag = [...flagged].find(([path]) => problem.path.startsWith(path))?.[1];
    if (flag !== undefined) return { ...problem, path: flag };
    const line = lines?.lineOf(problem.keys ?? []);
    return line === undefined ? problem : { ...problem, line };
  });
  return places.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0));
}
