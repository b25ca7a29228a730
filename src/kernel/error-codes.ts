interface ErrorCodeInfo {
  /** Whether the same call may succeed later without a change. */
  readonly retryable: boolean;
  /** What happened, and what to do about it. docs/reference/errors.md is made of these. */
  readonly means: string;
}

/** Every code a {@link SpillwayError} can carry, by room. */
export const ERROR_CODES = {
  // kernel and policy
  SPILLWAY_CONFIG_INVALID: {
    retryable: false,
    means:
      'Options or a config file are wrong. The error lists every problem with its place and what is allowed; mend them and start again.',
  },
  SPILLWAY_CONFIG_NOT_FOUND: {
    retryable: false,
    means: 'The config file named does not exist or cannot be read. Check the path.',
  },
  SPILLWAY_CLOSED: { retryable: false, means: 'The object was used after close(). Create a new one, or close later.' },
  SPILLWAY_TIMEOUT: {
    retryable: true,
    means:
      'A deadline passed before the work was done. Raise the timeout named in the message, or find out why the work is slow.',
  },

  // cache and drivers
  SPILLWAY_CACHE_LOAD_FAILED: {
    retryable: true,
    means:
      'A loader gave up through its context, or another process reported that its loader failed. The message says why; mend the source of the data.',
  },

  // page

  // limit, shed, breaker
  SPILLWAY_BREAKER_OPEN: {
    retryable: true,
    means:
      'A call was not made because the dependency was failing. Serve something else, or try again after retryAfterMs; breaker events say why it opened.',
  },

  // gateway and balance

  // cluster

  // health

  // routes

  // load

  // cli
  SPILLWAY_USAGE: {
    retryable: false,
    means: 'The command line asks for something that does not fit together. The message says what; `--help` shows examples.',
  },
  SPILLWAY_UNREACHABLE: {
    retryable: true,
    means: 'Nothing answers at the address in the message. Start what should answer there, or correct the address.',
  },
  SPILLWAY_DENIED: {
    retryable: false,
    means: 'The admin listener wants a token, or another one. Pass --token, or set SPILLWAY_TOKEN.',
  },
  SPILLWAY_REQUEST_FAILED: {
    retryable: true,
    means: 'The other side answered, but with a failure. The message holds its answer.',
  },
  SPILLWAY_NO_ROUTE_PLAN: {
    retryable: false,
    means:
      'The command needs the plan of all pages. Give the config a `routePlan`: a module whose default export is planRoutes(…).',
  },
} as const satisfies Record<string, ErrorCodeInfo>;

export type ErrorCode = keyof typeof ERROR_CODES;
