import type { Policy } from './policy.ts';

/** What to answer instead of an error: a value, or work that makes one from the error. */
export type Substitute<Value> = (error: unknown) => Promise<Value> | Value;

/**
 * Answers failed calls with a substitute: a stale copy, a default, a cheaper query.
 * @param handles whether an error is one to hide; by default all are, except that the caller gave up.
 */
export function createFallback<Value>(
  substitute: Substitute<Value>,
  handles: (error: unknown) => boolean = () => true,
): Policy<Value> {
  return {
    execute: async (call, options) => {
      try {
        return await call(options?.signal);
      } catch (error) {
        if (options?.signal?.aborted || !handles(error)) throw error;
        return substitute(error);
      }
    },
  };
}
