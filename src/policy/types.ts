/** Most deserving first. Shedding refuses from the end; queues serve from the start. */
export const PRIORITIES = ['critical', 'high', 'normal', 'low', 'background'] as const;
export type Priority = (typeof PRIORITIES)[number];

/**
 * Who decided a value: `config` is any part of the config that is neither a class nor a route. `line` is 1-based and
 * known for values from a config file.
 */
export interface Provenance {
  readonly by: 'built-in' | 'config' | 'class' | 'route' | 'call' | 'flag';
  /** Path in the config: `routes['/api/**'].limit`, or the built-in's name. */
  readonly path: string;
  readonly file?: string;
  readonly line?: number;
}

/** How long answers of a route may be kept and served. All times in ms. */
export interface PageCachePolicy {
  /**
   * `policy`: the class's times apply unless the origin forbids storing; `origin`: the origin's own headers decide, as
   * RFC 9111 has it, and an answer without any is not stored.
   */
  readonly freshness: 'policy' | 'origin';
  /** Age at which an answer is regenerated. */
  readonly revalidateMs: number;
  /** How long one process serves its copy before it looks at the shared store again. */
  readonly memoryTtlMs: number;
  /** How long the shared store keeps an answer before its grace begins; never less than until it is made anew. */
  readonly storeTtlMs: number;
  /** How long past its freshness a stale answer may serve while a new one is made, or while the origin fails. */
  readonly graceMs: number;
  /** Age at which an answer is regenerated whatever else is said. */
  readonly forceAfterMs: number;
  /** Query parameters that make a different page; `'all'`: every one. Others are dropped from the key. */
  readonly query: 'all' | readonly string[];
  /** Request header names that make a different page, beyond what the origin's Vary says. */
  readonly varyHeaders: readonly string[];
  /** Cookie names that make a different page. */
  readonly varyCookies: readonly string[];
}

/** One limit of a client's quota on a route. */
export interface LimitPolicy {
  readonly limit: number;
  readonly windowMs: number;
  readonly algorithm: 'sliding' | 'smooth';
  /** `smooth` only: how many may come at once. */
  readonly burst: number | undefined;
  readonly by: 'ip' | 'user' | 'apiKey';
}

/** `Cache-Control`, `CDN-Cache-Control` and `Surrogate-Control` as sent to clients and CDNs; undefined: not sent. */
export interface OutgoingCacheHeaders {
  readonly cacheControl: string | undefined;
  readonly cdnCacheControl: string | undefined;
  readonly surrogateControl: string | undefined;
}

/** Everything the layers need to know about one route, resolved once and frozen. */
export interface RoutePolicy {
  /** The pattern as declared: `/electricity-plans/:city`. Unique. */
  readonly pattern: string;
  readonly className: string;
  readonly priority: Priority;
  /** Name of the upstream; undefined where the application itself answers (library mode). */
  readonly upstream: string | undefined;
  /** undefined: answers are never stored. */
  readonly cache: PageCachePolicy | undefined;
  readonly headers: OutgoingCacheHeaders;
  /** Tag templates; `:name` stands for a path parameter: `city::city` → `city:dallas`. */
  readonly tags: readonly string[];
  readonly limits: readonly LimitPolicy[];
  /** How long the upstream may take until its response head, ms. */
  readonly timeoutMs: number;
  /** Latency objective, ms; undefined: none declared. */
  readonly sloP95Ms: number | undefined;
  /** Where each value comes from, by option name (`revalidate`, `limit`, …). */
  readonly provenance: Readonly<Record<string, Provenance>>;
}

/** A class as the config has it, merged over its built-in. What a route of the class gets when it says nothing itself. */
export interface ClassPolicy {
  readonly name: string;
  readonly priority: Priority;
  /** undefined: answers are never stored. */
  readonly cache: PageCachePolicy | undefined;
  readonly headers: OutgoingCacheHeaders;
  readonly limits: readonly LimitPolicy[];
  /** undefined: the upstream's own timeout applies. */
  readonly timeoutMs: number | undefined;
  readonly sloP95Ms: number | undefined;
  readonly provenance: Readonly<Record<string, Provenance>>;
}

/** A request's route with the values of its path parameters. */
export interface RouteMatch {
  readonly route: RoutePolicy;
  readonly params: Readonly<Record<string, string>>;
}
