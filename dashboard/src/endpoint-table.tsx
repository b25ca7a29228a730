import type { EndpointRow } from '../../src/health/overview.ts';
import { amount, rate } from '../../src/health/format.ts';
import type { Act, PlannedAction } from './actions.tsx';

interface EndpointTableProps {
  readonly endpoints: readonly EndpointRow[];
  readonly available: ReadonlySet<string>;
  readonly act: Act;
}

const TONES = { up: undefined, down: 'bad', draining: 'warn' } as const;

/** Every endpoint of every upstream, and a way to take one out of service. */
export function EndpointTable({ endpoints, available, act }: EndpointTableProps) {
  const canDrain = available.has('drainEndpoint');
  return (
    <section class="card" aria-labelledby="endpoints-title">
      <h2 id="endpoints-title">Endpoints</h2>
      {endpoints.length === 0 ? (
        <p class="teach">
          No upstream has reported. Declare what stands behind under <code>upstreams</code> in spillway.config.ts.
        </p>
      ) : (
        <table>
          <thead>
            <tr>
              <th scope="col">endpoint</th>
              <th scope="col">upstream</th>
              <th scope="col">state</th>
              <th scope="col">rate</th>
              <th scope="col">failed</th>
              <th scope="col">in flight</th>
              {canDrain && <th scope="col">do</th>}
            </tr>
          </thead>
          <tbody>
            {endpoints.map((row) => (
              <tr key={`${row.upstream} ${row.endpoint}`} data-endpoint={row.endpoint}>
                <th scope="row">{row.endpoint.replace(/^https?:\/\//, '')}</th>
                <td data-label="upstream">{row.upstream}</td>
                <td data-label="state" data-tone={TONES[row.state]}>
                  {row.state}
                </td>
                <td data-label="rate">{rate(row.rate)}</td>
                <td data-label="failed" data-tone={row.failuresPerSecond > 0 ? 'bad' : undefined}>
                  {rate(row.failuresPerSecond)}
                </td>
                <td data-label="in flight">{amount(row.inFlight)}</td>
                {canDrain && (
                  <td class="do">
                    <button type="button" onClick={() => act(drainOrUse(row))}>
                      {row.state === 'draining' ? 'Use…' : 'Drain…'}
                    </button>
                  </td>
                )}
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

function drainOrUse({ upstream, endpoint, state }: EndpointRow): PlannedAction {
  const drained = state !== 'draining';
  return {
    title: drained ? `Drain ${endpoint}?` : `Use ${endpoint} again?`,
    text: drained
      ? `It gets no new requests and finishes those it has; the other endpoints of ${upstream} take over.`
      : 'It comes back slowly, at first with a small share.',
    path: 'endpoints/drain',
    body: { upstream, endpoint, drained },
  };
}
