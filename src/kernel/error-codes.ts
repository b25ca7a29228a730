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
  SPILLWAY_PAGE_UPSTREAM_ERROR: {
    retryable: true,
    means:
      'The upstream answered a request for a page with an error status. Clients got the last good page; look at the upstream.',
  },

  // limit, shed, breaker
  SPILLWAY_SHED: {
    retryable: true,
    means:
      'A request was refused because the process is saturated and the request is among the least deserving. A stored page serves in its place where there is one; otherwise the client is told when to come back. Add workers if it lasts.',
  },
  SPILLWAY_COUNTER_STORE_FAILED: {
    retryable: true,
    means:
      'The shared store of counts did not answer or refused. Limiters go on by `onStoreFailure` meanwhile; look at the store and the network between.',
  },
  SPILLWAY_BULKHEAD_FULL: {
    retryable: true,
    means:
      'A call was not made because as many run, and wait, as the bulkhead allows. The dependency is slower than it is asked; raise `concurrent` only if it can take more.',
  },
  SPILLWAY_THROTTLED: {
    retryable: true,
    means:
      'A call was not made because the dependency refuses most of what it is asked. Ask for less, or try again later; calls go through as it accepts them again.',
  },
  SPILLWAY_BREAKER_OPEN: {
    retryable: true,
    means:
      'A call was not made because the dependency was failing. Serve something else, or try again after retryAfterMs; breaker events say why it opened.',
  },

  // gateway and balance
  SPILLWAY_UPSTREAM_UNAVAILABLE: {
    retryable: true,
    means:
      'No endpoint of the upstream took the request: none is healthy, or connecting failed. Look at the endpoints in the status; clients get 502.',
  },
  SPILLWAY_UPSTREAM_TIMEOUT: {
    retryable: true,
    means:
      "The upstream did not answer within the route's timeout, or paused too long within its answer. Find out why it is slow, or raise the timeout; clients get 504.",
  },
  SPILLWAY_UPSTREAM_BROKEN: {
    retryable: true,
    means:
      'The upstream closed the connection before its answer was complete, or sent something that is not HTTP. Look into its log; clients get 502.',
  },
  SPILLWAY_UPSTREAM_UNKNOWN: {
    retryable: false,
    means: "A route names an upstream that is not declared. Add it to 'upstreams', or correct the route.",
  },
  SPILLWAY_REQUEST_ABORTED: {
    retryable: true,
    means: 'Whoever asked went away before the answer was complete. Nothing to do; nobody is left to answer.',
  },
  SPILLWAY_REQUEST_MALFORMED: {
    retryable: false,
    means:
      'A request for an upstream has a method, target or field that cannot be written as HTTP, such as a value with a line end. Correct whoever made it; clients get 400.',
  },
  SPILLWAY_REQUEST_TOO_LARGE: {
    retryable: false,
    means: "The request body is larger than 'listen.maxBodyBytes'. Send less, or raise the limit; clients get 413.",
  },
  SPILLWAY_CERTIFICATE_UNREADABLE: {
    retryable: false,
    means: "A file named under 'listen.tls' cannot be read. Check the paths, and who may read them.",
  },
  SPILLWAY_LISTEN_FAILED: {
    retryable: false,
    means: 'The address cannot be listened on: another process has it, or it does not belong to this machine.',
  },

  // cluster
  SPILLWAY_WORKER_FAILED: {
    retryable: true,
    means:
      'A worker process ended or did not become ready in time. Its own log says why; a reload leaves the old workers in place.',
  },
  SPILLWAY_WORKER_SILENT: {
    retryable: true,
    means: 'A worker did not answer the primary within the deadline. It is stuck or overloaded, and is replaced if that lasts.',
  },

  // health
  SPILLWAY_PEER_MISSING: {
    retryable: false,
    means: 'A feature needs a package that Spillway does not bring along. Install what the message names.',
  },

  // routes
  SPILLWAY_ROUTES_CITY_INVALID: {
    retryable: false,
    means:
      'A city handed to planRoutes has no usable name, slug or date. The message shows the city; mend the data it comes from.',
  },
  SPILLWAY_ROUTES_TOO_MANY_CITIES: {
    retryable: false,
    means: 'planRoutes read more cities than maxCities allows. Raise maxCities, or find out why the source gives so many.',
  },
  SPILLWAY_ROUTES_CITIES_SPENT: {
    retryable: false,
    means:
      'A plan was read twice, but its cities came from an iterator, which can be read only once. Hand in an array, or a function that opens the iterator anew.',
  },

  // load
  SPILLWAY_LOAD_TARGET_REFUSED: {
    retryable: false,
    means:
      'The target of a load test is not this machine, or has no address. Name it in allowHosts (--allow-host) if you may put it under load.',
  },
  SPILLWAY_LOAD_SCENARIO: {
    retryable: false,
    means: 'A load test asked for something that cannot be sent or done. The message says what; mend the load file.',
  },
  SPILLWAY_LOAD_WORKER: {
    retryable: false,
    means: 'A process of the load generator failed or ended early. The message carries what it last said.',
  },

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

  // adapters
  SPILLWAY_KEYS_UNLISTED: {
    retryable: false,
    means:
      'A storage over the cache was asked which keys it has, which a cache does not keep account of. Remove keys by name, all of them with clear(), or by tag.',
  },
} as const satisfies Record<string, ErrorCodeInfo>;

export type ErrorCode = keyof typeof ERROR_CODES;
