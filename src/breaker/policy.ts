/** Work that can be given up: it should stop when the signal aborts. */
export type Call<T> = (signal: AbortSignal | undefined) => Promise<T> | T;

export interface ExecuteOptions {
  /** Gives the call up from outside. */
  readonly signal?: AbortSignal | undefined;
}

/** A way to call a dependency. Policies nest: what one executes may be another. `Instead`: what it may answer itself. */
export interface Policy<Instead = never> {
  execute<T>(call: Call<T>, options?: ExecuteOptions): Promise<T | Instead>;
}

/**
 * Several policies as one, the first outermost: `wrap(retry, breaker, timeout)` retries calls that a breaker guards and
 * that each have a time limit of their own.
 */
export function wrap<Instead = never>(...policies: readonly Policy<Instead>[]): Policy<Instead> {
  return {
    execute: <T>(call: Call<T>, options?: ExecuteOptions): Promise<T | Instead> => {
      const nested = policies.reduceRight<Call<T | Instead>>(
        (inner, policy) => (signal) => policy.execute(inner, { signal }),
        call,
      );
      return (async () => nested(options?.signal))();
    },
  };
}

/** A controller that also aborts when `outer` does; `end` lets go of `outer`. */
export function childController(outer: AbortSignal | undefined): { readonly controller: AbortController; end(): void } {
  const controller = new AbortController();
  if (!outer) return { controller, end: () => {} };
  if (outer.aborted) {
    controller.abort(outer.reason);
    return { controller, end: () => {} };
  }
  const onAbort = (): void => controller.abort(outer.reason);
  outer.addEventListener('abort', onAbort, { once: true });
  return { controller, end: () => outer.removeEventListener('abort', onAbort) };
}
