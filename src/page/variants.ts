import { type Fields, fieldValue, listMembers } from './fields.ts';
import { languagePreferences, rawValue, selectingValues } from './key.ts';
import type { VariantIndex } from './stored-page.ts';

/** The request fields the origin's `Vary` names, sorted; those the cache answers for itself are left out. */
export function varyNames(fields: Fields): string[] {
  const names = listMembers(fieldValue(fields, 'vary') ?? '').map((name) => name.toLowerCase());
  return [...new Set(names)].filter((name) => name !== 'accept-encoding').sort();
}

export function variantKey(primary: string, index: VariantIndex, raw: Fields): string {
  return keyOf(primary, index.generation, selectingValues(index.names, raw));
}

function keyOf(primary: string, generation: string, values: string): string {
  return `${primary}\n${generation}\n${values}`;
}

/**
 * The variant in the language the client likes best, when that one is stored: another `Accept-Language` that asks for
 * the same language first is the same page.
 */
export function languageVariantKey(index: VariantIndex, raw: Fields): string | undefined {
  if (index.names.length !== 1 || index.names[0] !== 'accept-language') return undefined;
  const [first, second] = languagePreferences(rawValue(raw, 'accept-language') ?? '');
  if (first === undefined || first.quality === second?.quality) return undefined;
  return index.languages[first.range];
}

/** Languages remembered per index; more are found by their exact `Accept-Language` only. */
const MOST_LANGUAGES = 32;

/** `index` with the language of one more variant. */
export function withLanguage(index: VariantIndex, fields: Fields, key: string): VariantIndex {
  const language = fieldValue(fields, 'content-language')?.toLowerCase();
  if (language === undefined || index.languages[language] === key) return index;
  if (Object.keys(index.languages).length >= MOST_LANGUAGES) return index;
  return { ...index, languages: { ...index.languages, [language]: key } };
}

export function sameNames(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((name, at) => name === right[at]);
}
