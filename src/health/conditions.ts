import type { MetricsSnapshot, SeriesSnapshot } from '../kernel/index.ts';
import type { Condition } from './status.ts';

/** An endpoint as the workers see it: it counts as down when one of them may not pick it. */
export interface EndpointState {
  readonly upstream: string;
  readonly endpoint: string;
  readonly up: boolean;
}

export interface BreakerState {
  readonly name: string;
  readonly state: 'closed' | 'half-open' | 'open';
}

/** How `spillway_breaker_state` numbers them. */
const BREAKER_STATES = ['closed', 'half-open', 'open', 'open'] as const;

export function endpointsOf(present: readonly MetricsSnapshot[]): EndpointState[] {
  const states = new Map<string, EndpointState>();
  for (const { labels, value } of gaugesOf(present, 'spillway_balance_up')) {
    const { upstream = '', endpoint = '' } = labels;
    const key = `${upstream}\0${endpoint}`;
    states.set(key, { upstream, endpoint, up: value === 1 && (states.get(key)?.up ?? true) });
  }
  return [...states.values()];
}

/** The worst state any worker's breaker of a name is in. */
export function breakersOf(present: readonly MetricsSnapshot[]): BreakerState[] {
  const worst = new Map<string, number>();
  for (const { labels, value } of gaugesOf(present, 'spillway_breaker_state')) {
    const name = labels['name'] ?? labels['breaker'] ?? '';
    worst.set(name, Math.max(worst.get(name) ?? 0, value ?? 0));
  }
  return [...worst].map(([name, value]) => ({ name, state: BREAKER_STATES[Math.min(3, Math.max(0, Math.round(value)))]! }));
}

/** What is broken, from what the workers report. */
export function conditionsOf(present: readonly MetricsSnapshot[]): Condition[] {
  return [...upstreamConditions(endpointsOf(present)), ...breakerConditions(breakersOf(present))];
}

function upstreamConditions(endpoints: readonly EndpointState[]): Condition[] {
  return [...Map.groupBy(endpoints, ({ upstream }) => upstream)].flatMap(([upstream, all]): Condition[] => {
    const down = all.filter(({ up }) => !up);
    if (down.length === 0) return [];
    const id = `upstream:${upstream}`;
    if (down.length === all.length) {
      const text =
        all.length === 1
          ? `upstream ${upstream} is down (${shortUrl(all[0]!.endpoint)}); only stored pages are served`
          : `upstream ${upstream} is down, all ${all.length} endpoints; only stored pages are served`;
      return [{ id, level: 'critical', text, hop: 'upstream' }];
    }
    const names = down.map(({ endpoint }) => shortUrl(endpoint)).join(', ');
    return [
      {
        id,
        level: 'degraded',
        text: `${down.length} of ${all.length} endpoints of upstream ${upstream} down (${names})`,
        hop: 'upstream',
      },
    ];
  });
}

function breakerConditions(breakers: readonly BreakerState[]): Condition[] {
  return breakers
    .filter(({ state }) => state === 'open')
    .map(({ name }) => ({
      id: `breaker:${name}`,
      level: 'degraded',
      text: `the breaker round ${name} is open`,
      hop: hopOf(name),
    }));
}

/** Which hop of the path strip a breaker stands at. */
export function hopOf(breaker: string): string {
  return /redis|store/i.test(breaker) ? 'store' : /database|postgres|pg/i.test(breaker) ? 'database' : 'upstream';
}

function gaugesOf(present: readonly MetricsSnapshot[], name: string): SeriesSnapshot[] {
  return present.flatMap(({ families }) => families.find((family) => family.name === name)?.series ?? []);
}

function shortUrl(endpoint: string): string {
  return endpoint.replace(/^https?:\/\//, '').replace(/\/$/, '');
}
