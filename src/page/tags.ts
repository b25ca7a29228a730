import { parseList } from 'structured-headers';
import type { RouteMatch } from '../policy/index.ts';
import { type Fields, fieldLines, fieldValue } from './fields.ts';

/** More tags than this on one page are dropped: a page that depends on everything depends on nothing in particular. */
const MOST_TAGS = 64;
const LONGEST_TAG = 256;

/** The tags a route's templates give: `city::city` with `{ city: 'dallas' }` → `city:dallas`. */
export function routeTags({ route, params }: RouteMatch): string[] {
  return route.tags.map((template) => template.replaceAll(/:(\w+)/g, (text, name: string) => params[name] ?? text));
}

/** The tags an origin gives: `Cache-Tag` and `xkey` by commas, `Surrogate-Key` by spaces. */
export function originTags(fields: Fields): string[] {
  return [
    ...fieldLines(fields, 'cache-tag').flatMap((line) => line.split(',')),
    ...fieldLines(fields, 'xkey').flatMap((line) => line.split(/[\s,]/)),
    ...fieldLines(fields, 'surrogate-key').flatMap((line) => line.split(' ')),
  ]
    .map((tag) => tag.trim())
    .filter((tag) => tag !== '' && tag.length <= LONGEST_TAG);
}

/**
 * The tags of the groups that `Cache-Groups` or `Cache-Group-Invalidation` names (RFC 9875). A group belongs to its
 * origin, so its tag holds that too; a field that is not a sound list of strings is ignored.
 */
export function groupTags(name: 'cache-groups' | 'cache-group-invalidation', fields: Fields, origin: string): string[] {
  const value = fieldValue(fields, name);
  if (value === undefined) return [];
  try {
    const members = parseList(value).map(([member]) => member);
    return members.filter((member) => typeof member === 'string').map((group) => `group:${origin}|${group}`);
  } catch {
    return [];
  }
}

/** Every page carries this one, so that all can be purged, softly too. */
export const ALL_PAGES = 'pages:all';

/** Every page carries the tag of its path, so that a path is purged with all its queries and variants. */
export function pathTag(path: string): string {
  return `path:${path}`;
}

/** The tags Spillway adds by itself. */
export function ownTags(path: string): string[] {
  return [ALL_PAGES, pathTag(path)];
}

export function joinTags(...lists: readonly (readonly string[])[]): string[] {
  return [...new Set(lists.flat())].slice(0, MOST_TAGS);
}
