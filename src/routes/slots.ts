import { ConfigError, show } from '../kernel/index.ts';
import { PRIORITIES, type Priority } from '../policy/index.ts';
import { combinationsFor, type Combination } from './combinations.ts';
import type { FilterDeclaration, FilterVocabulary } from './filters.ts';
import { ROUTE_KINDS, TIERS, type RouteKind, type Tier } from './types.ts';

/** What decides how much a page deserves: never the single city, only its tier and the combination. */
export interface RouteTraits extends Combination {
  readonly tier: Tier;
}

/** A place in every city of a tier: one combination with its priority and its place among all slots. */
export interface Slot extends RouteTraits {
  readonly priority: Priority;
  /** 0 is the most deserving slot of the whole plan. */
  readonly order: number;
}

/** The preset: landing pages and all of tier 1 critical, popular filters in tier 2 high and in tier 3 normal, and so on down. */
export function priorityOf({ tier, kind }: RouteTraits): Priority {
  if (kind === 'landing' || tier === 1) return 'critical';
  if (kind === 'other') return tier === 2 ? 'normal' : 'low';
  return tier === 2 ? 'high' : 'normal';
}

/**
 * The slots of each tier, in the order of a city's routes. A plan has only as many as one city of each tier has routes, so
 * what survives a cap can be told by counting per slot, without holding routes.
 */
export function slotsOf(
  declaration: FilterDeclaration & { readonly maxRoutesPerCity: Readonly<Record<Tier, number>> },
  vocabulary: FilterVocabulary,
  priority: (traits: RouteTraits) => Priority,
): Readonly<Record<Tier, readonly Slot[]>> {
  const unranked = TIERS.flatMap((tier) =>
    combinationsFor(tier, declaration.maxRoutesPerCity[tier], declaration, vocabulary).map((combination) => {
      const traits = { ...combination, tier };
      return { ...traits, priority: checked(priority(traits)) };
    }),
  );
  // The sort is stable: slots alike in every rank keep the order in which their combinations were listed.
  const order = new Map(unranked.toSorted(byDeserving).map((slot, at) => [slot, at]));
  const slots: Slot[] = unranked.map((slot) => ({ ...slot, order: order.get(slot)! }));
  const ofTier = (tier: Tier): Slot[] => slots.filter((slot) => slot.tier === tier);
  return { 1: ofTier(1), 2: ofTier(2), 3: ofTier(3) };
}

function checked(priority: Priority): Priority {
  if (PRIORITIES.includes(priority)) return priority;
  const message = `gave ${show(priority)}, which is not one of ${PRIORITIES.join(', ')}`;
  throw new ConfigError('planRoutes(options)', [{ path: 'priorityOf', message }]);
}

/**
 * By priority; within one, a step down in tier weighs as much as a step from landing page to high-value to premium to
 * other combinations, so a small town's landing page comes before a metro's rarest combination, and behind its popular ones.
 */
function byDeserving(a: Omit<Slot, 'order'>, b: Omit<Slot, 'order'>): number {
  return (
    PRIORITIES.indexOf(a.priority) - PRIORITIES.indexOf(b.priority) ||
    steps(a.tier, a.kind) - steps(b.tier, b.kind) ||
    a.tier - b.tier
  );
}

function steps(tier: Tier, kind: RouteKind): number {
  return tier + ROUTE_KINDS.indexOf(kind);
}
