import type { Behaviour } from '../behaviour.ts';
import { age } from './age.ts';
import { conditions } from './conditions.ts';
import { expiring } from './expires.ts';
import { freshness } from './freshness.ts';
import { heuristics, statuses } from './heuristics.ts';
import { invalidating } from './invalidating.ts';
import { parts } from './parts.ts';
import { keys, reporting, requests } from './requests.ts';
import { revalidating } from './revalidating.ts';
import { stale } from './stale.ts';
import { storing } from './storing.ts';
import { targeted } from './targeted.ts';
import { updating } from './updating.ts';
import { varies } from './varying.ts';

/** Everything the RFCs ask of this cache. */
export const behaviours: readonly Behaviour[] = [
  ...freshness,
  ...age,
  ...expiring,
  ...storing,
  ...statuses,
  ...heuristics,
  ...revalidating,
  ...conditions,
  ...updating,
  ...varies,
  ...invalidating,
  ...parts,
  ...stale,
  ...targeted,
  ...requests,
  ...keys,
  ...reporting,
];
