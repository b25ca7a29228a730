import type { Overview } from '../../src/health/overview.ts';
import { clockTime, span } from '../../src/health/format.ts';

interface VerdictBarProps {
  readonly overview: Overview | undefined;
  /** How old the data is, ms. */
  readonly ageMs: number;
  readonly nowMs: number;
}

/** Data older than this says nothing of now: it shows grey, whatever it says. */
export const STALE_MS = 4000;

const SIGNS = { healthy: '✓', degraded: '!', critical: '✕', unknown: '?' } as const;

/** The one word, since when, and why. */
export function VerdictBar({ overview, ageMs, nowMs }: VerdictBarProps) {
  const stale = overview === undefined || ageMs > STALE_MS;
  const verdict = stale ? 'unknown' : overview.verdict;
  return (
    <section class="verdict" data-verdict={verdict} aria-label="Verdict" aria-live="polite">
      <span class="sign" aria-hidden="true">
        {SIGNS[verdict]}
      </span>
      <div class="word">
        <h1>{verdict}</h1>
        {!stale && <p class="since">since {clockTime(overview.sinceMs, nowMs)}</p>}
      </div>
      <div class="cause">
        <p>{stale ? staleText(overview, ageMs) : (overview.causes[0]?.text ?? calmText(overview))}</p>
        {!stale && overview.causes.length > 1 && (
          <ul>
            {overview.causes.slice(1, 4).map((cause) => (
              <li key={cause.id}>{cause.text}</li>
            ))}
          </ul>
        )}
      </div>
      <p class="age" data-stale={stale}>
        <i aria-hidden="true" />
        {overview === undefined ? 'no data yet' : stale ? `data is ${span(ageMs)} old` : 'live'}
      </p>
    </section>
  );
}

function staleText(overview: Overview | undefined, ageMs: number): string {
  if (!overview) return 'Connecting to the admin listener.';
  return `Nothing was heard for ${span(ageMs)}; it was ${overview.verdict} then. Figures below are from that time.`;
}

function calmText({ traffic, verdict }: Overview): string {
  if (verdict === 'unknown') return 'The workers have not reported yet.';
  return traffic.rate === 0
    ? 'No requests at the moment; everything stands ready.'
    : 'Every limit is kept and every part answers.';
}
