import { type Fields, firstLine } from './fields.ts';
import { strongMatch } from './conditional.ts';
import type { ContentRange } from './stored-page.ts';

export type RangeAnswer =
  | { readonly kind: 'part'; readonly first: number; readonly last: number }
  | { readonly kind: 'unsatisfiable' }
  | { readonly kind: 'whole' };

/**
 * The single byte range a request asks of `total` bytes. Several ranges, other units and nonsense are answered with
 * the whole, as RFC 9110 §14.2 allows.
 */
export function requestedRange(range: string, total: number): RangeAnswer {
  const match = /^bytes=\s*(?:(\d+)-(\d*)|-(\d+))\s*$/.exec(range);
  if (!match) return { kind: 'whole' };
  const [, from, to, suffix] = match;
  if (suffix !== undefined) {
    const length = Math.min(Number(suffix), total);
    return length === 0 ? { kind: 'unsatisfiable' } : { kind: 'part', first: total - length, last: total - 1 };
  }
  const first = Number(from);
  const last = to === '' ? total - 1 : Math.min(Number(to), total - 1);
  if (to !== '' && Number(to) < first) return { kind: 'whole' };
  return first >= total ? { kind: 'unsatisfiable' } : { kind: 'part', first, last };
}

/** Whether `If-Range` lets a range be served: a strong tag that matches, or the very `Last-Modified` (RFC 9110 §13.1.5). */
export function ifRangeHolds(ifRange: string | undefined, etag: string | undefined, fields: Fields): boolean {
  if (ifRange === undefined) return true;
  if (ifRange.includes('"')) return etag !== undefined && strongMatch(ifRange.trim(), etag);
  return ifRange.trim() === firstLine(fields, 'last-modified');
}

/** `bytes 4-9/10`; undefined when it is anything else. */
export function parseContentRange(value: string | undefined): ContentRange | undefined {
  const match = /^bytes (\d+)-(\d+)\/(\d+)$/i.exec(value ?? '');
  if (!match) return undefined;
  const [first, last, total] = match.slice(1).map(Number) as [number, number, number];
  return first <= last && last < total ? { first, last, total } : undefined;
}

/** The range a part's body really holds: what broke off early is a shorter part (RFC 9111 §3.3). */
export function heldRange(contentRange: string | undefined, length: number): ContentRange | undefined {
  const range = parseContentRange(contentRange);
  return range && { ...range, last: Math.min(range.last, range.first + length - 1) };
}

export function formatContentRange(first: number, last: number, total: number): string {
  return `bytes ${first}-${last}/${total}`;
}
