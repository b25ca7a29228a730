import { type Fields, fieldValue, firstLine, listMembers } from './fields.ts';
import { parseHttpDate } from './http-date.ts';

/** Weak comparison of entity tags (RFC 9110 §8.8.3.2): only what is between the quotes counts. */
export function weakMatch(left: string, right: string): boolean {
  return opaque(left) === opaque(right);
}

/** Strong comparison: equal, and neither is weak. */
export function strongMatch(left: string, right: string): boolean {
  return left === right && !left.startsWith('W/');
}

function opaque(etag: string): string {
  return etag.startsWith('W/') ? etag.slice(2) : etag;
}

/**
 * Whether a GET or HEAD with these conditions is to be answered by 304 (RFC 9110 §13.2.2): `If-None-Match` rules out
 * `If-Modified-Since`.
 */
export function isNotModified(
  conditions: { readonly ifNoneMatch: string | undefined; readonly ifModifiedSince: string | undefined },
  etag: string | undefined,
  fields: Fields,
  nowMs: number,
): boolean {
  if (conditions.ifNoneMatch !== undefined) return noneMatchFails(conditions.ifNoneMatch, etag);
  const sinceMs = parseHttpDate(conditions.ifModifiedSince, nowMs);
  if (sinceMs === undefined) return false;
  const changedMs = parseHttpDate(firstLine(fields, 'last-modified') ?? firstLine(fields, 'date'), nowMs);
  return changedMs !== undefined && changedMs <= sinceMs;
}

/** Whether `If-None-Match` names what is stored, by its tag or by `*`: the client has it already (RFC 9110 §13.1.2). */
export function noneMatchFails(ifNoneMatch: string, etag: string | undefined): boolean {
  if (ifNoneMatch === etag || ifNoneMatch.trim() === '*') return true;
  return etag !== undefined && listMembers(ifNoneMatch).some((member) => weakMatch(member, etag));
}

/** The conditional fields that validate a stored answer; empty when the origin gave no validator. */
export function validatingFields(fields: Fields): string[] {
  const etag = fieldValue(fields, 'etag');
  const modified = firstLine(fields, 'last-modified');
  return [
    ...(etag === undefined ? [] : ['if-none-match', etag]),
    ...(modified === undefined ? [] : ['if-modified-since', modified]),
  ];
}

/** Fields a 304 does not change: without them the stored body could not be read any more (RFC 9111 §3.2). */
const BOUND_TO_BODY = new Set(['content-encoding', 'content-length', 'content-range', 'etag', 'transfer-encoding']);

/** Stored fields brought up to date with those of a 304 or HEAD answer: named ones replace all lines of that name. */
export function updatedFields(stored: Fields, news: Fields): string[] {
  const replaced = new Set<string>();
  for (let at = 0; at < news.length; at += 2) if (!BOUND_TO_BODY.has(news[at]!)) replaced.add(news[at]!);
  const fields: string[] = [];
  for (let at = 0; at < stored.length; at += 2) if (!replaced.has(stored[at]!)) fields.push(stored[at]!, stored[at + 1]!);
  for (let at = 0; at < news.length; at += 2) if (replaced.has(news[at]!)) fields.push(news[at]!, news[at + 1]!);
  return fields;
}
