import { TIMING_BUCKETS_MS } from '../kernel/index.ts';
import type { SloPolicy } from '../policy/index.ts';
import { exactPercent, time } from './words.ts';

/** A promise that can be counted: of all requests, this share must be good. */
export interface Objective {
  readonly name: string;
  /** undefined: all traffic. */
  readonly className: string | undefined;
  /** Share of requests that must be good. */
  readonly goal: number;
  /** undefined: good is not 5xx. Otherwise good is answered within this many ms: always a bound of the histogram. */
  readonly belowMs: number | undefined;
  /** In words: `99.9 % of requests succeed`. */
  readonly text: string;
}

/** What is declared in the policy, then what classes promise of their p95. */
export function objectivesOf(policy: SloPolicy, classObjectives: ReadonlyMap<string, number>): Objective[] {
  const declared = Object.entries(policy.objectives).map(([name, { class: className, availability, latency }]): Objective => {
    const of = className === undefined ? 'requests' : `requests of class ${className}`;
    if (latency === undefined)
      return objective(name, className, availability!, undefined, `${exactPercent(availability!)} of ${of} succeed`);
    return latencyObjective(name, className, latency.share, latency.below, of);
  });
  const taken = new Set(declared.map(({ name }) => name));
  const byClass = [...classObjectives].map(([className, ms]) =>
    latencyObjective(`${className}-p95`, className, 0.95, ms, `requests of class ${className}`),
  );
  return [...declared, ...byClass.filter(({ name }) => !taken.has(name))];
}

/** The histogram counts exactly up to its bounds only: the promise is measured at the bound just below it. */
function latencyObjective(name: string, className: string | undefined, goal: number, ms: number, of: string): Objective {
  const belowMs = TIMING_BUCKETS_MS.findLast((bound) => bound <= ms) ?? TIMING_BUCKETS_MS[0];
  const measured = belowMs === ms ? '' : ` (measured at ${time(belowMs)})`;
  return objective(name, className, goal, belowMs, `${exactPercent(goal)} of ${of} within ${time(ms)}${measured}`);
}

function objective(
  name: string,
  className: string | undefined,
  goal: number,
  belowMs: number | undefined,
  text: string,
): Objective {
  return { name, className, goal, belowMs, text };
}
