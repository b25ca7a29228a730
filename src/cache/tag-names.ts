/** The tag every entry carries, so that clearing everything is one change of one version. Scopes of namespaces start with it. */
export const EVERYTHING = '*';

/** A user's tag as the store and the table know it: apart from scopes. */
export function tagName(tag: string): string {
  return tag.startsWith(EVERYTHING) || tag.startsWith('\\') ? `\\${tag}` : tag;
}

/** The users' tags among names. */
export function tagsOf(names: readonly string[]): string[] {
  return names.filter((name) => !name.startsWith(EVERYTHING)).map((name) => (name.startsWith('\\') ? name.slice(1) : name));
}
