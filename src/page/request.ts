import type { Fields } from './fields.ts';
import { deltaSeconds, parseCacheControl } from './cache-control.ts';

/** The request fields a cache looks at, picked from node's raw list in one pass. */
export interface RequestFacts {
  acceptEncoding: string;
  ifNoneMatch: string | undefined;
  ifModifiedSince: string | undefined;
  /** `If-Match` or `If-Unmodified-Since`: for the origin to judge. */
  hasPrecondition: boolean;
  range: string | undefined;
  ifRange: string | undefined;
  hasAuthorization: boolean;
  cookie: string | undefined;
  cacheControl: string | undefined;
  pragma: string | undefined;
  /** None of the above but `acceptEncoding` and `cookie`: a stored answer can go out as it is. */
  plain: boolean;
}

/** Node's `headers` object costs an allocation and a lower-case copy per field; this looks at each name once. */
export function requestFacts(raw: Fields, method = 'GET'): RequestFacts {
  const facts: RequestFacts = {
    acceptEncoding: '',
    ifNoneMatch: undefined,
    ifModifiedSince: undefined,
    hasPrecondition: false,
    range: undefined,
    ifRange: undefined,
    hasAuthorization: false,
    cookie: undefined,
    cacheControl: undefined,
    pragma: undefined,
    plain: true,
  };
  for (let at = 0; at < raw.length; at += 2) take(facts, raw[at]!, raw[at + 1]!);
  // `Range` means something for GET only (RFC 9110 §14.2).
  if (method !== 'GET') facts.range = facts.ifRange = undefined;
  return facts;
}

// The length of a name rules out nearly all of them before any is turned to lower case.
function take(facts: RequestFacts, name: string, value: string): void {
  switch (name.length) {
    case 5:
      if (is(name, 'range')) facts.range = special(facts, value);
      return;
    case 6:
      if (is(name, 'cookie')) facts.cookie = facts.cookie === undefined ? value : `${facts.cookie}; ${value}`;
      else if (is(name, 'pragma')) facts.pragma = special(facts, value);
      return;
    case 8:
      if (is(name, 'if-range')) facts.ifRange = special(facts, value);
      else if (is(name, 'if-match')) facts.hasPrecondition = special(facts, true);
      return;
    case 13:
      if (is(name, 'if-none-match')) facts.ifNoneMatch = special(facts, joined(facts.ifNoneMatch, value));
      else if (is(name, 'cache-control')) facts.cacheControl = special(facts, joined(facts.cacheControl, value));
      else if (is(name, 'authorization')) facts.hasAuthorization = special(facts, true);
      return;
    case 15:
      if (is(name, 'accept-encoding'))
        facts.acceptEncoding = facts.acceptEncoding === '' ? value : `${facts.acceptEncoding}, ${value}`;
      return;
    case 17:
      if (is(name, 'if-modified-since')) facts.ifModifiedSince = special(facts, value);
      return;
    case 19:
      if (is(name, 'if-unmodified-since')) facts.hasPrecondition = special(facts, true);
  }
}

function is(name: string, lowerCase: string): boolean {
  return name === lowerCase || name.toLowerCase() === lowerCase;
}

function special<Value>(facts: RequestFacts, value: Value): Value {
  facts.plain = false;
  return value;
}

function joined(earlier: string | undefined, value: string): string {
  return earlier === undefined ? value : `${earlier}, ${value}`;
}

/** Whether the answer depends on the whole page: conditions and ranges. */
export function needsWholePage(facts: RequestFacts): boolean {
  return facts.ifNoneMatch !== undefined || facts.ifModifiedSince !== undefined || facts.range !== undefined;
}

/** What a request asks of caches (RFC 9111 §5.2.1). Times in ms. */
export interface RequestControl {
  readonly noStore: boolean;
  readonly onlyIfCached: boolean;
  /** Do not answer from the cache without validation. */
  readonly noCache: boolean;
  readonly maxAgeMs: number;
  readonly minFreshMs: number;
  /** How stale an answer may be; undefined: not asked for. */
  readonly maxStaleMs: number | undefined;
}

export function requestControl(facts: RequestFacts): RequestControl {
  const directives = parseCacheControl(facts.cacheControl);
  const maxStale = directives.get('max-stale');
  const noCacheByPragma = facts.cacheControl === undefined && (facts.pragma?.toLowerCase().includes('no-cache') ?? false);
  return {
    noStore: directives.has('no-store'),
    onlyIfCached: directives.has('only-if-cached'),
    noCache: directives.has('no-cache') || noCacheByPragma,
    maxAgeMs: (deltaSeconds(directives.get('max-age')) ?? Infinity) * 1000,
    minFreshMs: (deltaSeconds(directives.get('min-fresh')) ?? 0) * 1000,
    maxStaleMs: maxStale === undefined ? undefined : maxStale === '' ? Infinity : deltaSeconds(maxStale)! * 1000,
  };
}
