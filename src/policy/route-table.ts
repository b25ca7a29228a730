import type { ResolvedConfig } from './schema.ts';
import type { ClassPolicy, Provenance, RouteMatch, RoutePolicy } from './types.ts';

/** The resolved config with its routes and classes. */
export interface RouteTable {
  readonly config: ResolvedConfig;
  /** In the order of declaration. */
  readonly routes: readonly RoutePolicy[];
  /** Built-in and declared, by name. */
  readonly classes: Readonly<Record<string, ClassPolicy>>;
  /**
   * The most specific route for a request; undefined: the policy serves no such path.
   * @param path normalised, without query.
   */
  match(method: string, path: string): RouteMatch | undefined;
  /** The tags of an answer: the route's templates with the path's parameters put in. */
  tagsFor(match: RouteMatch): string[];
  /** Who decided a value of the config, for instance `['upstreams', 'site', 'strategy']`. */
  provenanceOf(keys: readonly PropertyKey[]): Provenance;
}
