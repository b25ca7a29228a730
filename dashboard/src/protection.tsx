import type { Overview } from '../../src/health/overview.ts';
import { amount, percent, rate } from '../../src/health/format.ts';

/** Regeneration, limits and shedding in a few figures each. */
export function ProtectionCard({ overview }: { overview: Overview }) {
  const { regeneration, protection } = overview;
  return (
    <section class="card" aria-labelledby="protection-title">
      <h2 id="protection-title">Regeneration, limits, shedding</h2>
      <dl class="figures wide">
        <Item label="waiting to regenerate" value={amount(regeneration.waiting)} bad={(regeneration.waiting ?? 0) > 500} />
        <Item label="regenerating" value={amount(regeneration.running)} />
        <Item label="regenerated" value={rate(regeneration.donePerSecond)} />
        <Item label="failed to" value={rate(regeneration.failedPerSecond)} bad={regeneration.failedPerSecond > 0} />
        <Item label="limited" value={rate(protection.limitedPerSecond)} />
        <Item label="shed" value={rate(protection.shedPerSecond)} bad={protection.shedPerSecond > 0} />
        <Item label="turned away now" value={percent(protection.shedShare)} bad={(protection.shedShare ?? 0) > 0} />
      </dl>
    </section>
  );
}

function Item({ label, value, bad = false }: { label: string; value: string; bad?: boolean }) {
  return (
    <div data-bad={bad}>
      <dt>{label}</dt>
      <dd>{value}</dd>
    </div>
  );
}
