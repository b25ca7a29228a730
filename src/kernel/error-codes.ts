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
} as const satisfies Record<string, ErrorCodeInfo>;

export type ErrorCode = keyof typeof ERROR_CODES;
