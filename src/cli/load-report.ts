import type { LoadFigures, LoadReport, Percentiles } from '../load/index.ts';
import type { Paint } from './paint.ts';
import { sparkline } from './sparkline.ts';

const SPARKLINE_WIDTH = 60;
const SHOWN = ['p50', 'p90', 'p95', 'p99', 'max'] as const;

/** A load report for the terminal: what was asked, what came back, how long it took, and whether to believe it. */
export function renderLoadReport(report: LoadReport, paint: Paint): string {
  return [
    `${paint.title(`Load on ${report.target}`)}\n${paint.quiet(`${report.arrival} · ${plural(report.connections, 'connection')} · ${plural(report.workers, 'worker')}`)}`,
    renderCounts(report, paint),
    renderTimes(report, paint),
    renderTimeline(report, paint),
    renderGroups('scenario', report.scenarios, paint),
    renderGroups('class', report.classes, paint),
    renderGroups('request', report.requests, paint),
    renderChecks(report, paint),
    renderThresholds(report, paint),
    renderComparisons(report, paint),
    renderVerdict(report, paint),
  ]
    .filter((part) => part !== '')
    .join('\n\n')
    .concat('\n');
}

function renderCounts(report: LoadReport, paint: Paint): string {
  const { planned, completed, failed, errorRate, ratePerSecond, errors, model, iterations } = report;
  const lines = [
    row(
      model === 'closed' ? 'iterations' : 'planned',
      whole(planned),
      iterations > 0 ? `${whole(iterations)} scenarios ran to their end` : '',
    ),
    row('completed', whole(completed), `${ratePerSecond.toFixed(1)}/s`),
    row('failed', failed > 0 ? paint.bad(whole(failed).padStart(10)) : whole(failed), percent(errorRate, 1)),
  ];
  for (const [kind, times] of Object.entries(errors).toSorted((a, b) => b[1] - a[1]))
    lines.push(row(`  ${kind}`, whole(times), ''));
  for (const message of report.scriptErrors) lines.push(`    ${paint.quiet(message)}`);
  return lines.join('\n');
}

function row(name: string, value: string, note: string): string {
  return `  ${name.padEnd(12)}${value.padStart(10)}  ${note}`.trimEnd();
}

function renderTimes(report: LoadReport, paint: Paint): string {
  const head = `  ${''.padEnd(12)}${SHOWN.map((name) => name.padStart(10)).join('')}`;
  return [
    paint.quiet(head),
    paint.title(timesRow('latency', report.latency)),
    timesRow('service', report.service),
    paint.quiet(timesRow('lag', report.lag)),
    ...(report.latency.p99 === null ? [paint.quiet('  –: too few requests to say; a percentile needs ten beyond it')] : []),
  ].join('\n');
}

function timesRow(name: string, times: Percentiles): string {
  return `  ${name.padEnd(12)}${SHOWN.map((key) => milliseconds(times[key]).padStart(10)).join('')}`;
}

function renderTimeline({ timeline }: LoadReport, paint: Paint): string {
  const p99 = timeline.points.map((point) => point.p99 ?? 0);
  if (p99.length < 4) return '';
  return `  ${'p99 over time'.padEnd(15)}${paint.name(sparkline(p99, SPARKLINE_WIDTH))} ${paint.quiet(`up to ${milliseconds(Math.max(...p99))}`)}`;
}

function renderGroups(kind: string, groups: Readonly<Record<string, LoadFigures>>, paint: Paint): string {
  const entries = Object.entries(groups);
  if (entries.length === 0 || (kind === 'scenario' && entries.length === 1)) return '';
  const width = Math.max(kind.length, ...entries.map(([name]) => name.length)) + 2;
  const head = `  ${kind.padEnd(width)}${'completed'.padStart(10)}${'failed'.padStart(9)}${['p50', 'p95', 'p99'].map((name) => name.padStart(10)).join('')}`;
  const rows = entries.map(([name, figures]) => {
    const { p50, p95, p99 } = figures.latency;
    const failed = whole(figures.failed).padStart(9);
    const times = [p50, p95, p99].map((time) => milliseconds(time).padStart(10)).join('');
    return `  ${name.padEnd(width)}${whole(figures.completed).padStart(10)}${figures.failed > 0 ? paint.bad(failed) : failed}${times}`;
  });
  return [paint.quiet(head), ...rows].join('\n');
}

function renderChecks({ checks }: LoadReport, paint: Paint): string {
  return checks
    .map(({ name, scenario, passed, failed }) => {
      const mark = failed === 0 ? paint.good('✓') : paint.bad('✗');
      return `  ${mark} ${name} ${paint.quiet(`${scenario}: ${percent(passed, passed + failed)} of ${whole(passed + failed)}`)}`;
    })
    .join('\n');
}

function renderThresholds({ thresholds }: LoadReport, paint: Paint): string {
  return thresholds
    .map(({ subject, expression, value, passed }) => {
      const mark = passed ? paint.good('✓') : paint.bad('✗');
      return `  ${mark} ${subject} ${expression} ${paint.quiet(value === undefined ? 'nothing was measured' : `is ${Number(value.toPrecision(4))}`)}`;
    })
    .join('\n');
}

function renderComparisons({ comparisons = [] }: LoadReport, paint: Paint): string {
  return comparisons
    .map(({ subject, before, after, regression }) => {
      const mark = regression ? paint.bad('✗') : paint.good('✓');
      return `  ${mark} ${subject} ${paint.quiet(`was ${Number(before.toPrecision(4))}, is ${Number(after.toPrecision(4))}`)}`;
    })
    .join('\n');
}

function renderVerdict({ verdict }: LoadReport, paint: Paint): string {
  const reasons = verdict.reasons.map((reason) => `\n  ${reason}`).join('');
  if (verdict.result === 'ok') return paint.good('✓ passed: the generator kept up, and every bound was kept');
  if (verdict.result === 'invalid') return `${paint.bad('✗ INVALID: do not use these figures')}${reasons}`;
  if (verdict.result === 'regression') return `${paint.bad('✗ worse than the baseline')}${reasons}`;
  return `${paint.bad('✗ a threshold is broken')}${reasons}`;
}

/** `1.24 ms`, `345 ms`, `2.1 s`; a dash where there is nothing to say. */
export function milliseconds(ms: number | null): string {
  if (ms === null) return '–';
  if (ms >= 10_000) return `${(ms / 1000).toFixed(1)} s`;
  return `${ms >= 100 ? ms.toFixed(0) : ms >= 10 ? ms.toFixed(1) : ms.toFixed(2)} ms`;
}

export function whole(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

function percent(part: number, all: number): string {
  if (all === 0) return '';
  const share = (part / all) * 100;
  return `${share === 0 || share === 100 ? share : share.toFixed(share < 1 || share > 99 ? 3 : 1)} %`;
}

function plural(count: number, noun: string): string {
  return `${whole(count)} ${noun}${count === 1 ? '' : 's'}`;
}
