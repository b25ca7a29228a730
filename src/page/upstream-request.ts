import type { PageCachePolicy } from '../policy/index.ts';
import { type Fields, withLowerCaseNames } from './fields.ts';
import type { Profile } from './freshness.ts';
import { keyedCookies } from './key.ts';

/** Judged or rewritten by the cache itself; never part of a request that fills it. */
const OURS = new Set([
  'if-none-match',
  'if-modified-since',
  'if-range',
  'range',
  'accept-encoding',
  'cache-control',
  'pragma',
  'host',
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'content-length',
  'te',
  'trailer',
  'upgrade',
  'expect',
]);

/**
 * Fields that frameworks let change an answer although no cache key holds them. They never reach an answer that is
 * stored for others (cache poisoning).
 */
const UNKEYED = new Set([
  'forwarded',
  'front-end-https',
  'x-forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-path',
  'x-forwarded-port',
  'x-forwarded-prefix',
  'x-forwarded-proto',
  'x-forwarded-scheme',
  'x-forwarded-server',
  'x-forwarded-ssl',
  'x-host',
  'x-http-host-override',
  'x-http-method',
  'x-http-method-override',
  'x-method-override',
  'x-middleware-prefetch',
  'x-middleware-subrequest',
  'x-original-host',
  'x-original-url',
  'x-real-ip',
  'x-rewrite-url',
]);

/** All that the request for a page kept by policy carries, beside what the key holds. */
const ALLOWED_BY_POLICY = new Set(['accept', 'accept-language', 'traceparent', 'tracestate']);

/**
 * The fields of the request that fetches a page for everybody: without what the cache judges itself, and without what
 * could change the answer unseen by the key.
 */
export function fillFields(raw: Fields, cookie: string | undefined, policy: PageCachePolicy, profile: Profile): string[] {
  const fields = withLowerCaseNames(raw);
  const kept: string[] = [];
  for (let at = 0; at < fields.length; at += 2) {
    const name = fields[at]!;
    if (OURS.has(name) || !isLetThrough(name, policy, profile)) continue;
    kept.push(name, fields[at + 1]!);
  }
  if (policy.freshness === 'policy') {
    const cookies = keyedCookies(cookie, policy.varyCookies);
    if (cookies !== '') kept.push('cookie', cookies);
  }
  return kept;
}

function isLetThrough(name: string, policy: PageCachePolicy, profile: Profile): boolean {
  if (policy.varyHeaders.includes(name)) return true;
  if (policy.freshness === 'policy') return ALLOWED_BY_POLICY.has(name);
  return profile === 'rfc' || !UNKEYED.has(name);
}
