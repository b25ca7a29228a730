import type { Labels, MetricsSnapshot, SeriesSnapshot } from '../kernel/index.ts';
import { familyIn } from './exposed-name.ts';
import type { FleetTotals } from './fleet.ts';
import type { Condition } from './status.ts';
import { percent } from './words.ts';

/** An endpoint as the workers see it: it counts as down when one of them may not pick it. */
export interface EndpointState {
  readonly upstream: string;
  readonly endpoint: string;
  readonly state: 'up' | 'down' | 'draining';
}

export interface BreakerState {
  readonly name: string;
  readonly state: 'closed' | 'half-open' | 'open';
}

/** How `spillway_breaker_state` numbers them. */
const BREAKER_STATES = ['closed', 'half-open', 'open', 'open'] as const;

export function endpointsOf(present: readonly MetricsSnapshot[]): EndpointState[] {
  const keyOf = ({ upstream = '', endpoint = '' }: Labels): string => `${upstream}\0${endpoint}`;
  const leaving = gaugesOf(present, 'spillway_balance_draining').filter(({ value }) => value === 1);
  const draining = new Set(leaving.map(({ labels }) => keyOf(labels)));
  const states = new Map<string, EndpointState>();
  for (const { labels, value } of gaugesOf(present, 'spillway_balance_up')) {
    const { upstream = '', endpoint = '' } = labels;
    const key = keyOf(labels);
    const isUp = value === 1 && states.get(key)?.state !== 'down';
    states.set(key, { upstream, endpoint, state: draining.has(key) ? 'draining' : isUp ? 'up' : 'down' });
  }
  return [...states.values()];
}

/**
 * Breakers by what the running interval shows: the worst state that a worker reports, or, of those that report none, open
 * while they refuse calls. Ask before the interval ends.
 */
export function breakersOf(fleet: FleetTotals): BreakerState[] {
  const states = new Map<string, BreakerState['state']>();
  for (const { labels, added } of fleet.family('spillway_breaker_refused')?.series.values() ?? [])
    states.set(labels['dependency'] ?? '', added > 0 ? 'open' : 'closed');
  const worst = new Map<string, number>();
  for (const { labels, value } of gaugesOf(fleet.present, 'spillway_breaker_state')) {
    const name = labels['dependency'] ?? '';
    worst.set(name, Math.max(worst.get(name) ?? 0, value ?? 0));
  }
  for (const [name, value] of worst) states.set(name, BREAKER_STATES[Math.min(3, Math.max(0, Math.round(value)))]!);
  return Array.from(states, ([name, state]) => ({ name, state }));
}

/** Requests an upstream was given, and failed, per second. */
export interface UpstreamTraffic {
  readonly upstream: string;
  readonly rate: number;
  readonly failures: number;
}

/** What is broken, from what the workers report and from how upstreams answered in the last seconds. */
export function conditionsOf(
  endpoints: readonly EndpointState[],
  traffic: readonly UpstreamTraffic[],
  breakers: readonly BreakerState[],
): Condition[] {
  const upstreams = [...upstreamConditions(endpoints), ...failingConditions(traffic)];
  const worst = new Map<string, Condition>();
  for (const condition of upstreams) {
    if (worst.get(condition.id)?.level !== 'critical') worst.set(condition.id, condition);
  }
  return [...worst.values(), ...breakerConditions(breakers)];
}

function upstreamConditions(endpoints: readonly EndpointState[]): Condition[] {
  return [...Map.groupBy(endpoints, ({ upstream }) => upstream)].flatMap(([upstream, named]): Condition[] => {
    // Those that drain were taken out of service on purpose.
    const all = named.filter(({ state }) => state !== 'draining');
    const down = all.filter(({ state }) => state === 'down');
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

/** Fewer requests than this a second say little of an upstream. */
const TELLING_RATE = 2;

/** An upstream can fail while none of its endpoints is ejected: the last one never is. */
function failingConditions(traffic: readonly UpstreamTraffic[]): Condition[] {
  return traffic.flatMap(({ upstream, rate, failures }): Condition[] => {
    const share = failures / rate;
    if (rate < TELLING_RATE || !(share >= 0.5)) return [];
    const id = `upstream:${upstream}`;
    if (share < 0.95)
      return [{ id, level: 'degraded', text: `upstream ${upstream} fails ${percent(share)} of its requests`, hop: 'upstream' }];
    return [
      {
        id,
        level: 'critical',
        text: `upstream ${upstream} is down: it answers none of its requests; only stored pages are served`,
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
  return present.flatMap((snapshot) => familyIn(snapshot, name)?.series ?? []);
}

function shortUrl(endpoint: string): string {
  return endpoint.replace(/^https?:\/\//, '').replace(/\/$/, '');
}
