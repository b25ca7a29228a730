import { formatDuration } from '../kernel/index.ts';
import { KEEP_FIRING_MS } from './alert-book.ts';
import type { AlertRule } from './alert-rules.ts';
import { BURN_WINDOWS, burnLimit, LEAST_BAD } from './burn-rate.ts';
import type { Objective } from './objectives.ts';

/** The name of the alert that says an error budget burns too fast; its labels `slo` and `severity` say which. */
export const BURN_ALERT = 'SpillwayBudgetBurns';

interface RecordingRule {
  readonly record: string;
  readonly expr: string;
  readonly labels: Readonly<Record<string, string>>;
}

interface AlertingRule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly keep_firing_for: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/**
 * The same objectives and alerts as a Prometheus rule file (YAML). Prometheus then decides as the process does: same
 * windows, same limits, same wait before and after. `keep_firing_for` needs Prometheus 2.42.
 */
export function prometheusRules(objectives: readonly Objective[], rules: readonly AlertRule[], sloWindowMs: number): string {
  const burn = objectives.flatMap((objective) => [...recordings(objective), ...burnAlerts(objective, sloWindowMs / 1000)]);
  const thresholds = rules.flatMap(thresholdAlert);
  return yaml([
    { name: 'spillway-slo', rules: burn },
    { name: 'spillway', rules: thresholds },
  ]);
}

const WINDOWS_S = [...new Set(BURN_WINDOWS.flatMap(({ longS, shortS }) => [shortS, longS]))].toSorted((a, b) => a - b);

/** Counted once for each window, so that the alerts below only compare. */
function recordings(objective: Objective): RecordingRule[] {
  const labels = { slo: objective.name };
  return WINDOWS_S.flatMap((seconds) => [
    { record: allIn(seconds), expr: allCount(objective, seconds), labels },
    { record: badIn(seconds), expr: badCount(objective, seconds), labels },
  ]);
}

/** Name of the series that says how many requests a window holds. */
export function allIn(seconds: number): string {
  return `spillway_slo_all:increase_${windowName(seconds)}`;
}

/** How many of them were bad. */
export function badIn(seconds: number): string {
  return `spillway_slo_bad:increase_${windowName(seconds)}`;
}

function allCount(objective: Objective, seconds: number): string {
  const metric =
    objective.belowMs === undefined ? 'spillway_http_requests_total' : 'spillway_http_request_duration_seconds_count';
  return `sum(increase(${metric}${selector(objective)}[${windowName(seconds)}]))`;
}

function badCount(objective: Objective, seconds: number): string {
  const range = `[${windowName(seconds)}]`;
  if (objective.belowMs === undefined) {
    return `sum(increase(spillway_http_requests_total${selector(objective, 'status=~"5.."')}${range}))`;
  }
  // Prometheus keeps a bound as it was written: '1.0' before version 3, '1' since.
  const bound = `le=~"${String(objective.belowMs / 1000).replaceAll('.', '[.]')}([.]0)?"`;
  const good = `sum(increase(spillway_http_request_duration_seconds_bucket${selector(objective, bound)}${range}))`;
  return `sum(${allIn(seconds)}{slo="${objective.name}"}) - ${good}`;
}

function selector({ className }: Objective, more?: string): string {
  const parts = [...(className === undefined ? [] : [`class="${className}"`]), ...(more === undefined ? [] : [more])];
  return parts.length === 0 ? '' : `{${parts.join(',')}}`;
}

function burnAlerts(objective: Objective, sloWindowS: number): AlertingRule[] {
  return (['page', 'ticket'] as const).map((severity) => {
    const slo = `{slo="${objective.name}"}`;
    const pairs = BURN_WINDOWS.filter((windows) => windows.severity === severity).map(({ longS, shortS, ...windows }) => {
      const limit = round(burnLimit({ longS, shortS, ...windows }, sloWindowS) * (1 - objective.goal));
      const share = (seconds: number): string => `${badIn(seconds)}${slo} / ${allIn(seconds)}${slo} > ${limit}`;
      return `(${share(longS)} and ${share(shortS)} and ${badIn(longS)}${slo} >= ${LEAST_BAD})`;
    });
    return {
      alert: BURN_ALERT,
      expr: `max by (slo) (${pairs.join(' or ')})`,
      keep_firing_for: formatDuration(KEEP_FIRING_MS),
      labels: { slo: objective.name, severity },
      annotations: { summary: `The error budget burns too fast: ${objective.text}.` },
    };
  });
}

function thresholdAlert(rule: AlertRule): AlertingRule[] {
  if (rule.expression === undefined) return [];
  return [
    {
      alert: rule.name,
      expr: rule.expression,
      ...(rule.forMs > 0 ? { for: formatDuration(rule.forMs) } : {}),
      keep_firing_for: formatDuration(KEEP_FIRING_MS),
      labels: { severity: rule.severity },
      annotations: { summary: rule.summary },
    },
  ];
}

/** `300` → `5m`, as Prometheus writes durations. */
function windowName(seconds: number): string {
  return formatDuration(seconds * 1000);
}

/** 14.4 × 0.001 is 0.0144, not 0.014399999999999999. */
function round(value: number): number {
  return Number(value.toPrecision(12));
}

/** The little YAML that a rule file needs. Scalars are quoted as JSON, which YAML reads as it is. */
function yaml(groups: readonly { readonly name: string; readonly rules: readonly (RecordingRule | AlertingRule)[] }[]): string {
  const lines = ['groups:'];
  for (const { name, rules } of groups.filter((group) => group.rules.length > 0)) {
    lines.push(`  - name: ${name}`, '    interval: 1m', '    rules:');
    for (const rule of rules) {
      Object.entries(rule).forEach(([key, value], at) => {
        const indent = at === 0 ? '      - ' : '        ';
        if (typeof value === 'string') lines.push(`${indent}${key}: ${JSON.stringify(value)}`);
        else
          lines.push(
            `${indent}${key}:`,
            ...Object.entries(value as Record<string, string>).map(([k, v]) => `          ${k}: ${JSON.stringify(v)}`),
          );
      });
    }
  }
  return `${lines.join('\n')}\n`;
}
