import type { RouteMatch } from '../policy/index.ts';
import { type Fields, fieldLines } from './fields.ts';

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

/** Every page carries the tag of its path, so that a path is purged with all its queries and variants. */
export function pathTag(path: string): string {
  return `path:${path}`;
}

export function joinTags(...lists: readonly (readonly string[])[]): string[] {
  return [...new Set(lists.flat())].slice(0, MOST_TAGS);
}
