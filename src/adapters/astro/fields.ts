import { ConfigError } from '../../kernel/index.ts';
import type { OutgoingCacheHeaders, PageCachePolicy } from '../../policy/index.ts';
import type { AstroCacheOptions } from './astro-types.ts';

/** A class's or a route's word on how long an answer may be kept. */
export interface Terms {
  readonly cache: PageCachePolicy | undefined;
  readonly headers: OutgoingCacheHeaders;
}

export type Fields = Readonly<Record<string, string | undefined>>;

export const NOT_STORED: Fields = { 'cache-control': 'private, no-store' };

/** Browsers cannot be purged, so what a page says for caches is not for them. */
const ASK_EVERY_TIME = 'public, max-age=0, must-revalidate';

/** What the page itself says goes before its class; undefined: neither says anything. */
export function timesOf(page: AstroCacheOptions, terms: Terms | undefined): Fields | undefined {
  if (page.maxAge !== undefined) {
    const swr = page.swr ? `, stale-while-revalidate=${page.swr}` : '';
    return { 'cache-control': ASK_EVERY_TIME, 'cdn-cache-control': `max-age=${page.maxAge}${swr}` };
  }
  if (!terms?.cache || terms.cache.freshness === 'origin') return undefined;
  const { revalidateMs, graceMs } = terms.cache;
  const [freshS, graceS] = [revalidateMs, graceMs].map((ms) => Math.round(ms / 1000));
  return {
    'cache-control': terms.headers.cacheControl,
    'cdn-cache-control': `max-age=${freshS}, stale-while-revalidate=${graceS}, stale-if-error=${graceS}`,
  };
}

/** @throws ConfigError when a tag cannot stand in a list of tags. */
export function tagField(tags: Iterable<string>): string | undefined {
  const list = [...new Set(tags)];
  const wrong = list.find((tag) => !/^[\x20-\x2b\x2d-\x7e]+$/.test(tag));
  if (wrong !== undefined) {
    const message = `'${wrong}' is no tag`;
    throw new ConfigError('Astro.locals.spillway', [{ path: 'tags', message, fix: 'use printable ASCII without commas' }]);
  }
  return list.length === 0 ? undefined : list.join(', ');
}
