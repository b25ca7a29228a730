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
  SPILLWAY_STORE_UNAVAILABLE: {
    retryable: true,
    means:
      'A shared store did not answer in time, refused the connection, or is being left alone after failures. Caches go on without it; check the server and the network if it lasts.',
  },
  SPILLWAY_CACHE_LOAD_FAILED: {
    retryable: true,
    means:
      'A loader gave up through its context, or another process reported that its loader failed. The message says why; mend the source of the data.',
  },

  // page

  // limit, shed, breaker

  // gateway and balance

  // cluster

  // health

  // routes

  // load

  // cli
} as const satisfies Record<string, ErrorCodeInfo>;

export type ErrorCode = keyof typeof ERROR_CODES;
