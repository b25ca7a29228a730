import { nearestName } from '../kernel/index.ts';

/** Between the filters of one combination, in paths and in options. */
export const FILTER_SEPARATOR = '+';

export interface FilterInfo {
  /** At most one filter of a group can hold at once: `12-month` and `24-month` contradict each other. */
  readonly group?: string;
}

/** The filters there are, in canonical order, and the combinations that are declared by name. */
export interface FilterDeclaration {
  readonly filters: Readonly<Record<string, FilterInfo>>;
  readonly highValue: readonly string[];
  readonly premium: readonly string[];
}

export interface CanonicalFilters {
  /** The combination's one spelling: what its URL holds. */
  readonly canonical: string;
  /** Whether the text was spelled so already. When not, redirect. */
  readonly wasCanonical: boolean;
  /** In canonical order. */
  readonly filters: readonly string[];
}

/**
 * Knows every filter and the one order of every combination: the order in which a combination was declared (`highValue`,
 * `premium`), otherwise the order of the filters themselves.
 */
export class FilterVocabulary {
  /** In canonical order. */
  readonly names: readonly string[];
  readonly #positions: ReadonlyMap<string, number>;
  readonly #groups: readonly (string | undefined)[];
  /** Declared orders by the combination's filters in vocabulary order. */
  readonly #declared = new Map<string, readonly string[]>();

  constructor(declaration: FilterDeclaration) {
    this.names = Object.keys(declaration.filters);
    this.#positions = new Map(this.names.map((name, position) => [name, position]));
    this.#groups = this.names.map((name) => declaration.filters[name]!.group);
    for (const text of [...declaration.highValue, ...declaration.premium]) {
      const filters = text.split(FILTER_SEPARATOR);
      const key = this.#inVocabularyOrder(filters)?.join(FILTER_SEPARATOR);
      if (key !== undefined && !this.#declared.has(key)) this.#declared.set(key, Object.freeze(filters));
    }
  }

  /**
   * The canonical spelling of `text` (decoded, as in a path: `fixed-rate+12-month`); undefined when a filter is unknown,
   * repeated, or contradicts another. Letter case is forgiven, and not canonical.
   */
  canonicalFilters(text: string): CanonicalFilters | undefined {
    const filters = this.canonicalOrder(text.toLowerCase().split(FILTER_SEPARATOR, this.names.length + 1));
    if (!filters) return undefined;
    const canonical = filters.join(FILTER_SEPARATOR);
    return { canonical, wasCanonical: canonical === text, filters };
  }

  /** `filters` in their one order; undefined when they cannot stand together. */
  canonicalOrder(filters: readonly string[]): readonly string[] | undefined {
    const ordered = this.#inVocabularyOrder(filters);
    return ordered && (this.#declared.get(ordered.join(FILTER_SEPARATOR)) ?? Object.freeze(ordered));
  }

  /** What is wrong with a declared combination, for a message; undefined when nothing is. */
  problemWith(text: string): { readonly message: string; readonly fix?: string } | undefined {
    const filters = text.split(FILTER_SEPARATOR);
    const unknown = filters.find((name) => !this.#positions.has(name));
    if (unknown !== undefined) {
      const near = nearestName(unknown, this.names);
      return { message: `'${unknown}' is not one of the filters`, ...(near && { fix: `did you mean '${near}'?` }) };
    }
    return this.#inVocabularyOrder(filters) ? undefined : { message: `'${text}' names a filter twice, or two of the same group` };
  }

  /** Whether two filters, by position, exclude each other. */
  contradict(a: number, b: number): boolean {
    return a === b || (this.#groups[a] !== undefined && this.#groups[a] === this.#groups[b]);
  }

  #inVocabularyOrder(filters: readonly string[]): string[] | undefined {
    const positions: number[] = [];
    for (const name of filters) {
      const position = this.#positions.get(name);
      if (position === undefined || positions.some((other) => this.contradict(position, other))) return undefined;
      positions.push(position);
    }
    return positions.toSorted((a, b) => a - b).map((position) => this.names[position]!);
  }
}
