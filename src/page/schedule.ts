import type { PageCachePolicy, Priority } from '../policy/index.ts';
import { earlyAfterMs } from './stored-page.ts';

/** Why a page is made again, or why not. */
export type RegenerationReason = 'missing' | 'forced' | 'scheduled' | 'popular' | 'change' | 'warm' | 'manual';

export interface RegenerationAdvice {
  readonly shouldRegenerate: boolean;
  readonly reason: RegenerationReason | 'fresh';
  readonly priority: Priority;
}

/** What the schedule looks at. */
export interface PageAge {
  readonly policy: PageCachePolicy;
  readonly priority: Priority;
  /** undefined: never made. */
  readonly ageMs: number | undefined;
  readonly requestsPerHour: number;
}

export interface PopularityRule {
  /** Above this many requests an hour a page is made again early. */
  readonly popularAbovePerHour: number;
}

/**
 * Whether a page is due: at the class's interval, earlier when much read, and at `forceAfter` whatever else is said.
 * What is overdue by force comes first, whatever its class.
 */
export function regenerationAdvice(page: PageAge, rule: PopularityRule): RegenerationAdvice {
  const { policy, priority, ageMs, requestsPerHour } = page;
  if (ageMs === undefined) return { shouldRegenerate: true, reason: 'missing', priority };
  if (ageMs >= policy.forceAfterMs) return { shouldRegenerate: true, reason: 'forced', priority };
  if (ageMs >= policy.revalidateMs) return { shouldRegenerate: true, reason: 'scheduled', priority };
  const isPopular = requestsPerHour > rule.popularAbovePerHour;
  if (isPopular && ageMs >= earlyAfterMs(policy.revalidateMs)) return { shouldRegenerate: true, reason: 'popular', priority };
  return { shouldRegenerate: false, reason: 'fresh', priority };
}
