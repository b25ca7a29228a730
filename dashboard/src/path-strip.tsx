import type { EndpointRow, Hop } from '../../src/health/overview.ts';
import { amount, ms, percent, rate } from '../../src/health/format.ts';

const SIGNS = { ok: '✓', slow: '!', broken: '✕', idle: '·', absent: '' } as const;
const WORDS = { ok: 'works', slow: 'impaired', broken: 'broken', idle: 'idle', absent: 'not in use' } as const;

/** A request's journey, station by station; a broken one stands out. */
export function PathStrip({ path, endpoints }: { path: readonly Hop[]; endpoints: readonly EndpointRow[] }) {
  return (
    <section class="path" aria-labelledby="path-title">
      <h2 id="path-title">Path of a request</h2>
      <ol>
        {path.map((hop) => (
          <li key={hop.id} data-hop={hop.id} data-state={hop.state}>
            <header>
              <b>{hop.label}</b>
              <span class="state">
                <i aria-hidden="true">{SIGNS[hop.state]}</i>
                {WORDS[hop.state]}
              </span>
            </header>
            {hop.state !== 'absent' && <HopFigures hop={hop} />}
            {hop.id === 'upstream' && endpoints.length > 0 && <Endpoints endpoints={endpoints} />}
            {hop.note && <p class="note">{hop.note}</p>}
          </li>
        ))}
      </ol>
    </section>
  );
}

function HopFigures({ hop }: { hop: Hop }) {
  return (
    <dl>
      <div>
        <dt>{hop.id === 'client' ? 'connected' : 'rate'}</dt>
        <dd>{hop.id === 'client' ? amount(hop.rate) : rate(hop.rate)}</dd>
      </div>
      {hop.hitRatio !== null && (
        <div>
          <dt>hits</dt>
          <dd>
            {percent(hop.hitRatio)}
            <meter value={hop.hitRatio} aria-label={`${hop.label} hit ratio`} />
          </dd>
        </div>
      )}
      {hop.p99Ms !== null && (
        <div>
          <dt>p99</dt>
          <dd>{ms(hop.p99Ms)}</dd>
        </div>
      )}
    </dl>
  );
}

function Endpoints({ endpoints }: { endpoints: readonly EndpointRow[] }) {
  const up = endpoints.filter(({ state }) => state === 'up').length;
  return (
    <p class="endpoints" title={endpoints.map(({ endpoint, state }) => `${endpoint} ${state}`).join('\n')}>
      {endpoints.slice(0, 12).map(({ upstream, endpoint, state }) => (
        <i key={`${upstream} ${endpoint}`} data-state={state} aria-hidden="true" />
      ))}
      {up} of {endpoints.length} up
    </p>
  );
}
