import { parseDictionary } from 'structured-headers';
import { type Fields, fieldValue, listMembers } from './fields.ts';

/** Delta-seconds beyond this mean "for ever" (RFC 9111 §1.2.2). */
const LONGEST_SECONDS = 2 ** 31;

/** Directives by lower-case name; the value of those without an argument is the empty string. */
export type Directives = ReadonlyMap<string, string>;

/**
 * Reads a `Cache-Control` value. Of a directive given twice the first counts, except that of two `max-age` or
 * `s-maxage` the smaller does: doubt makes an answer stale, never fresh.
 */
export function parseCacheControl(value: string | undefined): Directives {
  const directives = new Map<string, string>();
  if (value === undefined) return directives;
  for (const member of listMembers(value)) {
    const [, name, argument] = /^([^\s=]+)(?:=(.*))?$/s.exec(member) ?? [];
    if (name === undefined) continue;
    const key = name.toLowerCase();
    const text = unquoted(argument ?? '');
    const earlier = directives.get(key);
    if (earlier === undefined) directives.set(key, text);
    else if (key.endsWith('maxage') || key === 'max-age') {
      directives.set(key, String(Math.min(deltaSeconds(earlier)!, deltaSeconds(text)!)));
    }
  }
  return directives;
}

/** Seconds of a directive's argument. Anything but digits counts as 0 (RFC 9111 §4.2.1: invalid means stale). */
export function deltaSeconds(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  return /^\d+$/.test(text) ? Math.min(Number(text), LONGEST_SECONDS) : 0;
}

/** What an origin says about storing and reusing its answer. Times in seconds. */
export interface ResponseControl {
  readonly noStore: boolean;
  /** Unqualified `no-cache`: reuse only after validation. */
  readonly noCache: boolean;
  /** Unqualified `private`. */
  readonly private: boolean;
  readonly public: boolean;
  /** `must-revalidate`, `proxy-revalidate` or `s-maxage`: never serve stale on one's own account. */
  readonly mustRevalidate: boolean;
  readonly mustUnderstand: boolean;
  readonly noTransform: boolean;
  readonly maxAge: number | undefined;
  readonly sMaxAge: number | undefined;
  readonly staleWhileRevalidate: number | undefined;
  readonly staleIfError: number | undefined;
  /** Fields named by `no-cache="…"` and `private="…"`: not stored. */
  readonly withheldFields: readonly string[];
  /** Says `public`, `s-maxage` or uses a field meant for shared caches: the answer is for everybody. */
  readonly meantForSharing: boolean;
  /** A field for CDNs decided; `Cache-Control` and `Expires` were ignored (RFC 9213 §2.2). */
  readonly targeted: boolean;
}

/** Reads the fields that control caching, the one aimed most closely at us first. */
export function responseControl(fields: Fields): ResponseControl {
  const cdn = structuredDirectives(fieldValue(fields, 'cdn-cache-control'));
  if (cdn) return controlOf(cdn, true);
  const surrogate = fieldValue(fields, 'surrogate-control');
  if (surrogate !== undefined) {
    const directives = parseCacheControl(surrogate.replaceAll(/;[^,"]*/g, ''));
    if (directives.has('max-age') || directives.has('no-store')) return controlOf(directives, true);
  }
  return controlOf(parseCacheControl(fieldValue(fields, 'cache-control')), false);
}

function controlOf(directives: Directives, targeted: boolean): ResponseControl {
  const sMaxAge = deltaSeconds(directives.get('s-maxage'));
  const isBare = (name: string): boolean => directives.get(name) === '';
  const isPublic = directives.has('public');
  return {
    noStore: directives.has('no-store'),
    noCache: isBare('no-cache'),
    private: isBare('private'),
    public: isPublic,
    mustRevalidate:
      directives.has('must-revalidate') || directives.has('proxy-revalidate') || (sMaxAge !== undefined && !targeted),
    mustUnderstand: directives.has('must-understand'),
    noTransform: directives.has('no-transform'),
    maxAge: deltaSeconds(directives.get('max-age')),
    sMaxAge,
    staleWhileRevalidate: deltaSeconds(directives.get('stale-while-revalidate')),
    staleIfError: deltaSeconds(directives.get('stale-if-error')),
    withheldFields: [directives.get('no-cache'), directives.get('private')].flatMap(fieldNames),
    meantForSharing: isPublic || sMaxAge !== undefined || targeted,
    targeted,
  };
}

const SECONDS = new Set(['max-age', 's-maxage', 'stale-while-revalidate', 'stale-if-error']);

/** A targeted field as RFC 9213 §2.1 reads it: a structured dictionary, ignored as a whole when it is not sound. */
function structuredDirectives(value: string | undefined): Directives | undefined {
  if (value === undefined) return undefined;
  try {
    const directives = new Map<string, string>();
    for (const [name, [item]] of parseDictionary(value)) {
      if (SECONDS.has(name) && !(typeof item === 'number' && Number.isInteger(item))) return undefined;
      if (item === false) continue;
      directives.set(name, item === true ? '' : String(item));
    }
    return directives.size > 0 ? directives : undefined;
  } catch {
    return undefined;
  }
}

function unquoted(text: string): string {
  return text.length >= 2 && text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1).replaceAll(/\\(.)/gs, '$1') : text;
}

function fieldNames(list: string | undefined): string[] {
  return list
    ? list
        .split(/[\s,]+/)
        .filter(Boolean)
        .map((name) => name.toLowerCase())
    : [];
}
