import { formatDuration } from '../kernel/index.ts';
import type { Finding } from './alert-book.ts';
import type { AlertRule } from './alert-rules.ts';
import { BURN_ALERT } from './prometheus-rules.ts';
import type { BurnFinding } from './slo-book.ts';

/** What the threshold rules see. */
export function thresholdFindings(rules: readonly AlertRule[], read: (signal: string) => number | undefined): Finding[] {
  return rules.flatMap((rule) => {
    const value = rule.check(read);
    return value === undefined ? [] : [{ key: rule.name, severity: rule.severity, text: rule.tell(value), forMs: rule.forMs }];
  });
}

/** What the objectives see: one finding per objective and severity, telling of the pair that burns most. */
export function burnFindings(burning: readonly BurnFinding[]): Finding[] {
  const worst = new Map<string, BurnFinding>();
  for (const one of burning) {
    const key = `${BURN_ALERT}/${one.objective.name}/${one.burn.severity}`;
    const known = worst.get(key);
    if (!known || one.burn.long / one.burn.limit > known.burn.long / known.burn.limit) worst.set(key, one);
  }
  return Array.from(worst, ([key, { objective, burn }]) => ({
    key,
    severity: burn.severity,
    text: `${objective.text}: the error budget burns ${times(burn.long)} as fast as it may, over ${formatDuration(burn.windows.longS * 1000)}`,
    forMs: 0,
  }));
}

function times(burn: number): string {
  return `${burn >= 10 ? Math.round(burn) : burn.toFixed(1)} times`;
}
