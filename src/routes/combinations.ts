import { FILTER_SEPARATOR, type FilterDeclaration, type FilterVocabulary } from './filters.ts';
import type { RouteKind, Tier } from './types.ts';

/** The filters of one page of a city, and why the page is planned. */
export interface Combination {
  readonly kind: RouteKind;
  readonly filters: readonly string[];
}

/**
 * What a city of `tier` is planned with, best first: its landing page, the high-value combinations, the premium ones
 * (tiers 1 and 2), then every other combination, those with fewer filters first. At most `limit`.
 */
export function combinationsFor(
  tier: Tier,
  limit: number,
  declaration: FilterDeclaration,
  vocabulary: FilterVocabulary,
): Combination[] {
  const chosen = new Map<string, Combination>();
  for (const { kind, filters } of candidates(tier, declaration, vocabulary)) {
    if (chosen.size >= limit) break;
    const canonical = vocabulary.canonicalOrder(filters)!;
    const text = canonical.join(FILTER_SEPARATOR);
    if (!chosen.has(text)) chosen.set(text, { kind, filters: canonical });
  }
  return [...chosen.values()];
}

function* candidates(tier: Tier, declaration: FilterDeclaration, vocabulary: FilterVocabulary): Generator<Combination> {
  yield { kind: 'landing', filters: [] };
  for (const text of declaration.highValue) yield { kind: 'highValue', filters: text.split(FILTER_SEPARATOR) };
  if (tier < 3) for (const text of declaration.premium) yield { kind: 'premium', filters: text.split(FILTER_SEPARATOR) };
  for (let size = 1; size <= vocabulary.names.length; size++) {
    let any = false;
    for (const filters of subsets(vocabulary, size)) {
      any = true;
      yield { kind: 'other', filters };
    }
    if (!any) return;
  }
}

/** Every set of `size` filters that can stand together, in vocabulary order. */
function* subsets(vocabulary: FilterVocabulary, size: number, from = 0, taken: readonly number[] = []): Generator<string[]> {
  if (taken.length === size) {
    yield taken.map((position) => vocabulary.names[position]!);
    return;
  }
  for (let position = from; position < vocabulary.names.length; position++) {
    if (taken.some((other) => vocabulary.contradict(position, other))) continue;
    yield* subsets(vocabulary, size, position + 1, [...taken, position]);
  }
}
