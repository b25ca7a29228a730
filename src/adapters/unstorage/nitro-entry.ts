/**
 * What Nitro stores of a cached handler or function, as text: `{ value, mtime, expires, integrity }`. It decides by `mtime`
 * whether to make it anew, so that is kept apart, to be given to each reader as suits it.
 */
export interface NitroEntry {
  /** The entry's JSON without `mtime`, and without the brace it begins with. */
  readonly rest: string;
  /** Until when it is fresh, ms since the epoch; undefined: for ever. */
  readonly expiresMs: number | undefined;
  /** From the answer's own `Cache-Tag`. */
  readonly tags: readonly string[];
}

interface Parsed {
  readonly mtime?: unknown;
  readonly expires?: unknown;
  readonly integrity?: unknown;
  readonly value?: { readonly headers?: Readonly<Record<string, unknown>> };
}

/** Nitro's own groups of keys: `nitro/handlers` and `nitro/functions`. */
export function isNitroKey(key: string): boolean {
  return key.startsWith('nitro:handlers:') || key.startsWith('nitro:functions:');
}

/** Undefined for what is none. */
export function readNitroEntry(text: string): NitroEntry | undefined {
  const parsed = parse(text);
  if (typeof parsed?.mtime !== 'number' || typeof parsed.integrity !== 'string') return undefined;
  const { mtime: _, ...rest } = parsed;
  const listed = parsed.value?.headers?.['cache-tag'];
  const tags = typeof listed === 'string' ? listed.split(',').map((tag) => tag.trim()) : [];
  return {
    rest: JSON.stringify(rest).slice(1),
    expiresMs: typeof parsed.expires === 'number' ? parsed.expires : undefined,
    tags: tags.filter(Boolean),
  };
}

/** The entry as one that was made at `mtimeMs`. */
export function writeNitroEntry({ rest }: Pick<NitroEntry, 'rest'>, mtimeMs: number): string {
  return `{"mtime":${mtimeMs},${rest}`;
}

function parse(text: string): Parsed | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined; // some other text
  }
}
