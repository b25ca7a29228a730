import type { ObjectiveRow } from '../../src/health/overview.ts';
import { percent, span } from '../../src/health/format.ts';

/** What was promised, and how much may still go wrong. */
export function Budgets({ objectives }: { objectives: readonly ObjectiveRow[] }) {
  const counted = objectives.filter(({ total }) => total > 0);
  const shown = counted.length > 0 ? counted : objectives.slice(0, 1);
  return (
    <section class="budgets" aria-label="Error budgets">
      {shown.map((objective) => (
        <article key={objective.name} class="budget" data-tone={toneOf(objective)} data-slo={objective.name}>
          <header>
            <h2>{objective.text}</h2>
            <b>{objective.left <= 0 ? 'budget spent' : `${percent(objective.left)} left`}</b>
          </header>
          <meter value={Math.max(0, objective.left)} aria-label={`Error budget of ${objective.name} left`} />
          <p>
            burn <b>{burn(objective.burn1h)}</b> in 1 h, <b>{burn(objective.burn6h)}</b> in 6 h
            {objective.exhaustedInMs !== null && objective.exhaustedInMs > 0 && (
              <>
                {' '}
                · gone in <b>{span(objective.exhaustedInMs)}</b> at this pace
              </>
            )}
          </p>
        </article>
      ))}
      {objectives.length === 0 && (
        <p class="card teach">
          No objective is declared. Add one under <code>slo.objectives</code>, or <code>slo: {"{ p95: '1s' }"}</code> to a class.
        </p>
      )}
    </section>
  );
}

function toneOf({ left, burning, burn1h }: ObjectiveRow): 'bad' | 'warn' | 'good' {
  if (left <= 0 || burning) return 'bad';
  return burn1h > 1 || left < 0.25 ? 'warn' : 'good';
}

/** 1 × is the pace that uses the budget up exactly at the end of its window. */
function burn(value: number): string {
  return `${value >= 10 ? Math.round(value) : value.toFixed(1)} ×`;
}
