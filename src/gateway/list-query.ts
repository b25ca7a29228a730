import { nearestName, show } from '../kernel/index.ts';
import type { ProblemDocument } from './problems.ts';

/** What values a filter takes: free text, numbers, or one of a few words. */
export type FilterKind = 'text' | 'number' | readonly string[];

/** What a list lets its readers ask for. */
export interface ListRules {
  /** Entries a page when nothing is said. Default 20. */
  readonly defaultLimit?: number;
  /** Most entries a page. Default 100. */
  readonly maxLimit?: number;
  /** Most entries that may be skipped; beyond, a cursor must be used. Default 10,000. */
  readonly maxOffset?: number;
  /** Fields that may be filtered by. */
  readonly filters?: Readonly<Record<string, FilterKind>>;
  /** Fields that may be sorted by; `-` before one turns it round. */
  readonly sort?: readonly string[];
}

export interface ListQuery {
  readonly limit: number;
  readonly offset: number;
  /** What {@link cursorAfter} was given for the entry before this page. */
  readonly after: unknown;
  readonly filters: Readonly<Record<string, string | number>>;
  readonly sort: readonly { readonly field: string; readonly descending: boolean }[];
}

export type ListQueryResult =
  | { readonly ok: true; readonly query: ListQuery }
  | { readonly ok: false; readonly problem: ProblemDocument };

/**
 * Reads `limit`, `offset` or `cursor`, `sort` and allow-listed filters from a query string. What is wrong becomes a 400
 * problem that names the field; nothing is guessed.
 */
export function parseListQuery(query: string, rules: ListRules = {}): ListQueryResult {
  const { defaultLimit = 20, maxLimit = 100, maxOffset = 10_000, filters = {}, sort = [] } = rules;
  const parameters = new URLSearchParams(query);
  const known = ['limit', 'offset', 'cursor', ...(sort.length > 0 ? ['sort'] : []), ...Object.keys(filters)];
  for (const name of parameters.keys()) {
    if (!known.includes(name)) return refused(name, `is not known${suggestion(name, known)}`);
    if (parameters.getAll(name).length > 1) return refused(name, 'is given more than once');
  }
  const limit = wholeNumber(parameters.get('limit'), 1, maxLimit);
  if (limit === undefined) return refused('limit', `must be a whole number from 1 to ${maxLimit}`);
  const offset = wholeNumber(parameters.get('offset'), 0, maxOffset);
  if (offset === undefined) return refused('offset', `must be a whole number from 0 to ${maxOffset}`);
  const cursor = parameters.get('cursor');
  if (cursor !== null && parameters.has('offset')) return refused('cursor', 'cannot be combined with offset');
  const after = cursor === null ? { value: undefined } : readCursor(cursor);
  if (!after) return refused('cursor', 'is none that was given out here');
  const wanted: Record<string, string | number> = {};
  for (const [name, kind] of Object.entries(filters)) {
    const text = parameters.get(name);
    if (text === null) continue;
    const value = filterValue(text, kind);
    if (value === undefined) return refused(name, `${show(text)} is not ${kindText(kind)}`);
    wanted[name] = value;
  }
  const order = sortOrder(parameters.get('sort'), sort);
  if (!order) return refused('sort', `must name fields of: ${sort.join(', ')}`);
  return {
    ok: true,
    query: { limit: limit ?? defaultLimit, offset: offset ?? 0, after: after.value, filters: wanted, sort: order },
  };
}

/** A cursor for the page after the entry that `position` (a key, or sort values with a key) stands for. */
export function cursorAfter(position: unknown): string {
  return Buffer.from(JSON.stringify(position)).toString('base64url');
}

function readCursor(text: string): { readonly value: unknown } | undefined {
  if (!/^[\w-]{1,1024}$/.test(text)) return undefined;
  try {
    return { value: JSON.parse(Buffer.from(text, 'base64url').toString()) as unknown };
  } catch {
    return undefined;
  }
}

/** Null when it is not given, undefined when it is no number of the range. */
function wholeNumber(text: string | null, min: number, max: number): number | null | undefined {
  if (text === null) return null;
  const value = Number(text);
  return /^\d{1,9}$/.test(text) && value >= min && value <= max ? value : undefined;
}

function filterValue(text: string, kind: FilterKind): string | number | undefined {
  if (kind === 'text') return text.length > 0 && text.length <= 200 ? text : undefined;
  if (kind === 'number') return /^-?\d{1,15}(?:\.\d{1,10})?$/.test(text) ? Number(text) : undefined;
  return kind.includes(text) ? text : undefined;
}

function kindText(kind: FilterKind): string {
  if (kind === 'text') return 'a text of 1 to 200 characters';
  return kind === 'number' ? 'a number' : `one of ${kind.join(', ')}`;
}

function sortOrder(text: string | null, allowed: readonly string[]): ListQuery['sort'] | undefined {
  if (text === null) return [];
  const order = text.split(',').map((part) => ({ field: part.replace(/^-/, ''), descending: part.startsWith('-') }));
  const fields = order.map(({ field }) => field);
  return fields.every((field) => allowed.includes(field)) && new Set(fields).size === fields.length ? order : undefined;
}

function suggestion(name: string, known: readonly string[]): string {
  const near = nearestName(name, known);
  return near === undefined ? `; known are: ${known.join(', ')}` : `; did you mean '${near}'?`;
}

function refused(field: string, what: string): ListQueryResult {
  return { ok: false, problem: { status: 400, detail: `The query parameter '${field}' ${what}.`, field } };
}
