import type { MissRow } from '../../src/health/overview.ts';
import { percent, rate } from '../../src/health/format.ts';

/** What each reason means, and with it what would help. */
const MEANINGS: Readonly<Record<string, string>> = {
  absent: 'asked for the first time, or gone from every tier',
  expired: 'past its time to live and its grace',
  evicted: 'made room for others: give the cache more memory',
  invalidated: 'purged, or its data changed',
  unproven: 'the store could not say whether it is current',
  bypassed: 'the policy or the request lets it past the cache',
};

/** Why the cache had nothing, the most frequent reason first. */
export function MissList({ misses }: { misses: readonly MissRow[] }) {
  const all = misses.reduce((sum, { perSecond }) => sum + perSecond, 0);
  return (
    <section class="card misses" aria-labelledby="misses-title">
      <h2 id="misses-title">Why the cache was missed</h2>
      {misses.length === 0 ? (
        <p class="teach">Nothing was missed in the last minute.</p>
      ) : (
        <ul>
          {misses.map(({ reason, perSecond }) => (
            <li key={reason} data-reason={reason}>
              <b>{reason}</b>
              <meter value={perSecond / all} aria-label={`Share of ${reason}`} />
              <span>{percent(perSecond / all)}</span>
              <span class="muted">{rate(perSecond)}</span>
              <small>{MEANINGS[reason] ?? ''}</small>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
