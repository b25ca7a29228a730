import { ConfigError, nearestName, type Runtime } from '../kernel/index.ts';
import type { CachesPolicy, ClassPolicy, DeclaredTimes } from '../policy/index.ts';
import { createCache, type Cache } from './cache.ts';
import type { CacheOptions } from './options.ts';
import { CONTENT_RULES, type TtlRule } from './ttl-rules.ts';

/** What of a policy says how values are cached. */
export interface CacheDeclarations {
  readonly config: { readonly caches: CachesPolicy; readonly redis?: string | undefined };
  readonly classes: Readonly<Record<string, ClassPolicy>>;
}

/**
 * The options of the cache that the policy declares as `caches.<name>`, for {@link createCache}; with the policy's Redis.
 * @throws ConfigError when the policy declares no such cache.
 */
export function declaredCache({ config, classes }: CacheDeclarations, name: string): CacheOptions {
  const declared = Object.hasOwn(config.caches, name) ? config.caches[name] : undefined;
  if (!declared) throw unknown(name, Object.keys(config.caches));
  const { rules, contentRules, maxStaleness, storeTimeout, maxStretch, memory, ...times } = declared;
  const ruled = Object.entries(rules).map(([prefix, rule]): TtlRule => ({ prefix, ...timesOf(rule, classes) }));
  const usual = contentRules ? CONTENT_RULES.filter(({ prefix }) => !Object.hasOwn(rules, prefix)) : [];
  return {
    name,
    ...timesOf(times, classes),
    rules: [...usual, ...ruled],
    maxStretch,
    memory: definedIn(memory),
    ...definedIn({ maxStaleness, storeTimeout }),
    ...(config.redis !== undefined && { redis: config.redis }),
  };
}

/** The caches that a policy declares, each made when it is first asked for. */
export class DeclaredCaches {
  readonly #policy: CacheDeclarations;
  readonly #options: Pick<CacheOptions, 'pressure'>;
  readonly #runtime: Partial<Runtime>;
  readonly #made = new Map<string, Cache>();

  constructor(policy: CacheDeclarations, options: Pick<CacheOptions, 'pressure'>, runtime: Partial<Runtime>) {
    this.#policy = policy;
    this.#options = options;
    this.#runtime = runtime;
  }

  /** @throws ConfigError when the policy declares no such cache. */
  get<Value>(name: string): Cache<Value> {
    let cache = this.#made.get(name);
    if (!cache)
      this.#made.set(name, (cache = createCache({ ...declaredCache(this.#policy, name), ...this.#options }, this.#runtime)));
    return cache as Cache<Value>;
  }

  async close(): Promise<void> {
    await Promise.all(Array.from(this.#made.values(), (cache) => cache.close()));
  }
}

/** What is said of a single time goes before what the class says. */
function timesOf(
  { class: className, ...own }: DeclaredTimes,
  classes: Readonly<Record<string, ClassPolicy>>,
): Omit<TtlRule, 'prefix'> {
  const page = className === undefined ? undefined : classes[className]?.cache;
  return {
    ...(page && { ttl: `${page.storeTtlMs}ms` as const, memoryTtl: `${page.memoryTtlMs}ms` as const }),
    ...definedIn(own),
  };
}

/** zod keeps an option that was given as undefined. */
function definedIn<Given extends object>(given: Given): { [Key in keyof Given]: Exclude<Given[Key], undefined> } {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as never;
}

function unknown(name: string, known: readonly string[]): ConfigError {
  const near = nearestName(name, known);
  const fix = near ? `did you mean '${near}'?` : known.length > 0 ? `declared: ${known.join(', ')}` : 'declare it under `caches`';
  return new ConfigError('caches', [{ path: name, message: 'the policy declares no cache of that name', fix }]);
}
