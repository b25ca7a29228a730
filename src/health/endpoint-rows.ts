import type { EndpointState } from './conditions.ts';
import type { FleetTotals } from './fleet.ts';
import type { EndpointRow } from './overview.ts';

/** What each endpoint did in the running interval. Ask before the interval ends. */
export function endpointRows(states: readonly EndpointState[], fleet: FleetTotals, seconds: number): EndpointRow[] {
  const read = (metric: string, of: 'added' | 'value') => {
    const values = new Map<string, number>();
    for (const series of fleet.family(metric)?.series.values() ?? [])
      values.set(`${series.labels['upstream']} ${series.labels['endpoint']}`, series[of]);
    return (state: EndpointState): number => values.get(`${state.upstream} ${state.endpoint}`) ?? 0;
  };
  const picks = read('spillway_balance_picks', 'added');
  const failures = read('spillway_balance_failures', 'added');
  const inFlight = read('spillway_balance_in_flight', 'value');
  return states.map((state) => ({
    ...state,
    rate: picks(state) / seconds,
    failuresPerSecond: failures(state) / seconds,
    inFlight: inFlight(state),
  }));
}
