import { parseDictionary } from 'structured-headers';

/** Which query parameters make no different page, by the origin's `No-Vary-Search`. */
export interface SearchVariance {
  /** The order of parameters means nothing. */
  readonly anyOrder: boolean;
  /** `'all'`: no parameter means anything, but those of `except`. */
  readonly ignored: 'all' | ReadonlySet<string>;
  readonly except: ReadonlySet<string>;
}

const NONE: ReadonlySet<string> = new Set();

/** Reads `No-Vary-Search`; undefined when there is none, or none that is sound, or it changes nothing. */
export function parseSearchVariance(value: string | undefined): SearchVariance | undefined {
  if (value === undefined) return undefined;
  try {
    const fields = parseDictionary(value);
    const [params] = fields.get('params') ?? [false];
    const [order] = fields.get('key-order') ?? [false];
    const ignored = params === true ? ('all' as const) : namesOf(params);
    const except = ignored === 'all' ? namesOf(fields.get('except')?.[0]) : NONE;
    if (order !== true && ignored !== 'all' && ignored.size === 0) return undefined;
    return { anyOrder: order === true, ignored, except };
  } catch {
    return undefined;
  }
}

/** The part of a query that makes a different page. */
export function significantQuery(query: string, variance: SearchVariance): string {
  const kept = query.split('&').filter((parameter) => isSignificant(nameOf(parameter), variance));
  if (variance.anyOrder) kept.sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : nameOf(a) > nameOf(b) ? 1 : 0));
  return kept.join('&');
}

function isSignificant(name: string, { ignored, except }: SearchVariance): boolean {
  return ignored === 'all' ? except.has(name) : !ignored.has(name);
}

/** Names of an inner list of strings: `("utm_source" "gclid")`. */
function namesOf(list: unknown): ReadonlySet<string> {
  if (!Array.isArray(list)) return NONE;
  return new Set(list.map((item: unknown) => (Array.isArray(item) ? item[0] : item)).filter((name) => typeof name === 'string'));
}

/** As forms encode it: `+` is a space. */
function nameOf(parameter: string): string {
  const end = parameter.indexOf('=');
  const raw = (end < 0 ? parameter : parameter.slice(0, end)).replaceAll('+', ' ');
  try {
    return decodeURIComponent(raw);
  } catch {
    return raw;
  }
}

/** What origins said of their paths, the longest unheard of forgotten first. */
export class SearchVariances {
  readonly #byPath = new Map<string, SearchVariance>();
  readonly #capacity: number;

  constructor(capacity = 10_000) {
    this.#capacity = capacity;
  }

  /** Notes what an answer of `place` (authority and path) said. */
  note(place: string, value: string | undefined): void {
    if (value === undefined && this.#byPath.size === 0) return;
    const variance = parseSearchVariance(value);
    this.#byPath.delete(place);
    if (variance === undefined) return;
    if (this.#byPath.size >= this.#capacity) this.#byPath.delete(this.#byPath.keys().next().value!);
    this.#byPath.set(place, variance);
  }

  /** The query as it counts for the key. */
  keyed(authority: string, path: string, query: string): string {
    if (query === '' || this.#byPath.size === 0) return query;
    const variance = this.#byPath.get(`${authority}${path}`);
    return variance === undefined ? query : significantQuery(query, variance);
  }
}
