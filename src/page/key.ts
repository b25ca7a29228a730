import type { PageCachePolicy } from '../policy/index.ts';
import { type Fields, listMembers } from './fields.ts';

/** What of a request names a page, before the origin's `Vary` is known. */
export interface PageAddress {
  readonly scheme: string;
  readonly authority: string;
  readonly path: string;
  /** Only the parameters that make a different page, so that no other reaches the origin's stored answer. */
  readonly query: string;
}

/** The allowed parameters of a query, by name in order; `'all'` leaves it as it is. */
export function normaliseQuery(query: string, allowed: PageCachePolicy['query']): string {
  if (query === '' || allowed === 'all') return query;
  if (allowed.length === 0) return '';
  const kept = query.split('&').filter((parameter) => allowed.includes(parameterName(parameter)));
  return kept.sort(byName).join('&');
}

function parameterName(parameter: string): string {
  const end = parameter.indexOf('=');
  const raw = end < 0 ? parameter : parameter.slice(0, end);
  if (!raw.includes('%')) return raw;
  try {
    return decodeURIComponent(raw);
  } catch {
    return raw;
  }
}

// A stable sort: repeated parameters keep their order, which can matter.
function byName(a: string, b: string): number {
  const [left, right] = [parameterName(a), parameterName(b)];
  return left < right ? -1 : left > right ? 1 : 0;
}

/** The key of a page: its URL (`keyedQuery`: as far as it makes a different page), and the values of the fields and cookies the policy says make a different page. */
export function primaryKey(
  address: PageAddress,
  policy: Pick<PageCachePolicy, 'varyHeaders' | 'varyCookies'>,
  raw: Fields,
  cookie: string | undefined,
  keyedQuery = address.query,
): string {
  let key = `${address.scheme}://${address.authority}${address.path}`;
  if (keyedQuery !== '') key += `?${keyedQuery}`;
  if (policy.varyHeaders.length > 0) key += `\n${selectingValues(policy.varyHeaders, raw)}`;
  if (policy.varyCookies.length > 0) key += `\n${keyedCookies(cookie, policy.varyCookies)}`;
  return key;
}

/** The cookies among `names`, in that order, as a `Cookie` value. */
export function keyedCookies(cookie: string | undefined, names: readonly string[]): string {
  if (cookie === undefined || names.length === 0) return '';
  const given = new Map<string, string>();
  for (const pair of cookie.split(';')) {
    const end = pair.indexOf('=');
    if (end < 0) continue;
    const name = pair.slice(0, end).trim();
    if (!given.has(name)) given.set(name, pair.slice(end + 1).trim());
  }
  return names
    .filter((name) => given.has(name))
    .map((name) => `${name}=${given.get(name)}`)
    .join('; ');
}

/** The values of `names` (lower-case) in a request, normalised so that requests that mean the same compare equal. */
export function selectingValues(names: readonly string[], raw: Fields): string {
  return names.map((name) => `${name}:${normaliseSelecting(name, rawValue(raw, name))}`).join('\n');
}

/** The combined value of a field of node's raw list; undefined when there is none. */
export function rawValue(raw: Fields, name: string): string | undefined {
  let value: string | undefined;
  for (let at = 0; at < raw.length; at += 2) {
    const candidate = raw[at]!;
    if (candidate.length !== name.length || candidate.toLowerCase() !== name) continue;
    value = value === undefined ? raw[at + 1]! : `${value}, ${raw[at + 1]!}`;
  }
  return value;
}

function normaliseSelecting(name: string, value: string | undefined): string {
  if (value === undefined) return '\u0000';
  if (name === 'accept-language')
    return languagePreferences(value)
      .map(({ range, quality }) => `${range};${quality}`)
      .join(',');
  return listMembers(value).join(',');
}

export interface LanguagePreference {
  readonly range: string;
  readonly quality: number;
}

/** `Accept-Language` by falling preference, then by name: case, spaces and the order of equals mean nothing. */
export function languagePreferences(value: string): LanguagePreference[] {
  const preferences = listMembers(value).map((member) => {
    const [range = '', ...parameters] = member.split(';').map((part) => part.trim().toLowerCase());
    const quality = parameters.find((parameter) => parameter.startsWith('q='));
    return { range, quality: quality === undefined ? 1 : Number(quality.slice(2)) || 0 };
  });
  return preferences.sort((a, b) => b.quality - a.quality || (a.range < b.range ? -1 : 1));
}
