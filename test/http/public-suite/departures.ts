/**
 * Where the public suite and this cache differ. Every entry is held from both sides: the suite's test must fail, and what
 * is done instead is a behaviour of `conformance/` that must hold.
 */

/** A test of the published edition that the RFCs, and the suite's own later edition, contradict. */
export interface Superseded {
  /** Tests this is about. */
  readonly ids: readonly string[];
  readonly why: string;
  /** The behaviours that hold in their place, by what they do. */
  readonly instead: readonly string[];
}

export const superseded: readonly Superseded[] = [
  {
    ids: ['age-parse-nonnumeric', 'age-parse-negative', 'age-parse-float'],
    why: 'wants an invalid Age to make the answer stale; RFC 9111 §5.1 has it ignored',
    instead: ['"abc"', '"-7200"', '"7200.5"'].map((value) => `an invalid Age is ignored: ${value}`),
  },
  {
    ids: ['age-parse-prefix-twoline'],
    why: 'wants a second line of Age to count; RFC 9111 §5.1 has the first count and the others discarded',
    instead: ['of several Age lines the first counts: young, old'],
  },
  {
    ids: ['age-parse-dup-0', 'age-parse-dup-0-twoline', 'age-parse-dup-old'],
    why: 'wants a repeated Age to make the answer stale; RFC 9111 §5.1 has the first member count',
    instead: [
      'the same Age twice is that age',
      'the same Age on two lines is that age',
      'of a list of ages the first counts: young, old',
    ],
  },
  {
    ids: ['stale-close-must-revalidate', 'stale-close-proxy-revalidate', 'stale-close-no-cache', 'stale-close-s-maxage=2'],
    why: 'wants an answer of an origin that has closed the connection: no cache can give one. A 502 is what is right',
    instead: [
      'must-revalidate answers are not used stale while the origin is away',
      'proxy-revalidate answers are not used stale while the origin is away',
      'no-cache answers are not used while the origin is away',
      's-maxage answers are not used stale while the origin is away',
    ],
  },
  {
    ids: ['304-etag-update-response-Content-MD5'],
    why: 'wants Content-MD5 of a 304 to be left out; RFC 9111 §3.2 names no such exception',
    instead: ['Content-MD5 is what the last 304 said'],
  },
];

/** Optional reuse that is left out in every profile: nothing the RFCs ask for. */
export const reuseLeftOut: Readonly<Record<string, string>> = {
  'method-POST': 'answers to POST are not stored: an invalidation that comes between would be lost',
  'conditional-lm-fresh-no-lm': 'wants 304 for a date before the answer’s own; RFC 9110 §13.1.3 has a 200',
  'partial-store-partial-reuse-partial': 'its body is a byte shorter than its Content-Range says; only what came is served',
  'partial-store-partial-reuse-partial-suffix':
    'its body is a byte shorter than its Content-Range says; only what came is served',
  'partial-store-partial-complete': 'parts are joined only under a strong validator (RFC 9111 §3.4); its answers have none',
};

/** What profile `safe` leaves out besides, on purpose. */
export const leftOutInSafe: Readonly<Record<string, readonly string[]>> = {
  'nothing is fresh by guess': [
    'heuristic-200-cached',
    'heuristic-203-cached',
    'heuristic-204-cached',
    'heuristic-404-cached',
    'heuristic-405-cached',
    'heuristic-410-cached',
    'heuristic-414-cached',
    'heuristic-501-cached',
    'heuristic-599-cached',
  ],
  'answers that set cookies are never shared': [
    'headers-store-Set-Cookie',
    'other-set-cookie',
    '304-etag-update-response-Set-Cookie',
  ],
  'answers to credentials are never shared': [
    'other-authorization-public',
    'other-authorization-must-revalidate',
    'other-authorization-smaxage',
  ],
};
