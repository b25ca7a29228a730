/**
 * What Astro 7 hands to an integration, a middleware and a cache provider, as far as it is used here. Written down, so that
 * nobody who uses Spillway without Astro has to install it.
 */

/** What pages say by `Astro.cache.set`; times in seconds. */
export interface AstroCacheOptions {
  readonly maxAge?: number;
  readonly swr?: number;
  readonly tags?: readonly string[];
}

/** `Astro.cache`. */
export interface AstroCache {
  readonly enabled: boolean;
  readonly options: AstroCacheOptions;
}

export interface MiddlewareContext {
  readonly request: Request;
  readonly url: URL;
  readonly isPrerendered: boolean;
  readonly locals: object;
  readonly cookies: { headers(): Iterable<string> };
  readonly cache?: AstroCache;
}

export type Middleware = (context: MiddlewareContext, next: () => Promise<Response>) => Promise<Response>;

/** What `Astro.cache.invalidate` passes on. */
export interface InvalidateOptions {
  readonly path?: string;
  readonly tags?: string | readonly string[];
}

export interface CacheProvider {
  readonly name: string;
  setHeaders(): Headers;
  invalidate(options: InvalidateOptions): Promise<void>;
}

interface VitePlugin {
  readonly name: string;
  resolveId(id: string): string | undefined;
  load(id: string): string | undefined;
}

interface SetupHook {
  readonly config: { readonly cache?: { readonly provider?: unknown } };
  updateConfig(config: {
    readonly vite?: { readonly plugins: VitePlugin[] };
    readonly cache?: { readonly provider: { readonly name: string; readonly entrypoint: string } };
  }): unknown;
  addMiddleware(middleware: { readonly order: 'pre' | 'post'; readonly entrypoint: string }): void;
}

interface DoneHook {
  injectTypes(types: { readonly filename: string; readonly content: string }): unknown;
}

export interface AstroIntegration {
  readonly name: string;
  readonly hooks: {
    'astro:config:setup'(setup: SetupHook): void;
    'astro:config:done'(done: DoneHook): void;
  };
}
