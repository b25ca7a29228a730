import type { Change } from '../../src/health/timeline.ts';
import { clockTime } from '../../src/health/format.ts';

const SHOWN = 40;

/** What happened, newest first. */
export function ChangeList({ changes, nowMs }: { changes: readonly Change[]; nowMs: number }) {
  const newest = changes.slice(-SHOWN).toReversed();
  return (
    <section class="card changes" aria-labelledby="changes-title">
      <h2 id="changes-title">What changed</h2>
      {newest.length === 0 ? (
        <p class="teach">
          Deploys, reloads, purges, breakers, alerts and verdicts will be listed here, and drawn as lines on every chart.
        </p>
      ) : (
        <ol tabIndex={0} aria-label="Changes, newest first">
          {newest.map((change) => (
            <li key={change.id} data-tone={change.tone} data-kind={change.kind}>
              <time>{clockTime(change.atMs, nowMs)}</time>
              <span class="kind">{change.kind}</span>
              <span class="text">
                {change.text}
                {change.actor && <small> by {change.actor}</small>}
              </span>
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}
