/** Holds docs/rooms/health.md to the code: every event, alert, signal, metric and endpoint is there, and no other. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { ACTION_ROUTES } from '../../src/health/admin-actions.ts';
import { alertRules } from '../../src/health/alert-rules.ts';
import { exposedName } from '../../src/health/exposed-name.ts';
import { FleetTotals } from '../../src/health/fleet.ts';
import { BURN_ALERT } from '../../src/health/prometheus-rules.ts';
import { SignalReader } from '../../src/health/signals.ts';
import type { FamilySnapshot, SeriesSnapshot } from '../../src/kernel/index.ts';
import { alertsSection } from '../../src/policy/index.ts';
import { everyMetric } from '../docs/metrics-page.ts';

const root = resolve(import.meta.dirname, '../..');
const page = readFileSync(join(root, 'docs/rooms/health.md'), 'utf8');

/** What stands in backticks in the first column of the table under a heading. */
function firstColumn(heading: string): string[] {
  const section = page.split(`\n## ${heading}\n`)[1]!.split('\n## ')[0]!;
  return section
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .flatMap((line) => [...line.split('|')[1]!.matchAll(/`([^`]+)`/g)].map((match) => match[1]!))
    .toSorted();
}

test('every event', () => {
  const source = readFileSync(join(root, 'src/health/events.ts'), 'utf8');
  const events = [...source.matchAll(/^ {2}(\w+):/gm)].map((match) => match[1]!);
  assert.deepEqual(firstColumn('Events'), events.toSorted());
});

test('every alert, with its time', () => {
  const rules = alertRules(alertsSection.parse({}));
  const others = [BURN_ALERT, 'SpillwayCritical', 'SpillwayMemoryLeak'];
  assert.deepEqual(firstColumn('Alerts'), [...rules.map(({ name }) => name), ...others].toSorted());
  for (const { name, forMs, severity } of rules) {
    const row = page.split('\n').find((line) => line.startsWith(`| \`${name}\``))!;
    assert.match(row, new RegExp(`\\| ${forMs / 60_000} min \\| ${severity} \\|$`), name);
  }
});

/** Names of metrics, by themselves or followed by what is put in: `spillway_cache_${name}`. */
const METRIC = /['"`]((?:spillway|process|nodejs|v8js)_[a-z0-9_]+)/g;
/** What Prometheus itself makes of metrics, by the emitted rules. */
const RECORDED_BY_RULES = /^spillway_slo_/;

test('every metric that any room counts or reads is one that /metrics has, and that the reference tells of', async () => {
  const exposed = new Set((await everyMetric()).map(exposedName));
  const isExposed = (name: string): boolean => {
    if (name.endsWith('_')) return [...exposed].some((one) => one.startsWith(name));
    const bare = name.replace(/_(?:total|bucket|sum|count)$/, '');
    return [name, bare].some((one) => ['', '_seconds', '_bytes', '_ratio'].some((unit) => exposed.has(one + unit)));
  };
  const unknown: string[] = [];
  for (const file of globSync('src/**/*.ts', { cwd: root, exclude: ['**/*.test.ts', '**/*.generated.ts'] })) {
    for (const [, name] of readFileSync(join(root, file), 'utf8').matchAll(METRIC))
      if (!isExposed(name!) && !RECORDED_BY_RULES.test(name!)) unknown.push(`${name} in ${file}`);
  }
  assert.deepEqual(unknown, []);
  const reference = readFileSync(join(root, 'docs/reference/metrics.md'), 'utf8');
  for (const name of exposed) assert.match(reference, new RegExp(`^\\| \`${name}(?:_total)?\` \\|`, 'm'));
});

test('every signal', async () => {
  const families = [...(await everyMetric()), ...madeByOthers()].map(withSeries);
  const fleet = new FleetTotals();
  fleet.collect([{ instance: 'a', worker: '1', families }]);
  const made = new Set(new SignalReader().read(fleet, 1).values.keys());
  const documented = firstColumn('Signals').map((name) =>
    name.replace('<class>', 'x').replace('<upstream>', 'x').replace('<reason>', 'x'),
  );
  assert.deepEqual(documented, [...made].toSorted());
});

/** Metrics of rooms that the page cache counts only once it has something to regenerate. */
function madeByOthers(): FamilySnapshot[] {
  return [{ name: 'spillway_page_regeneration_waiting', help: '', kind: 'gauge', series: [] }];
}

/** One series with something in it, its labels those that each reader looks for. */
function withSeries(family: FamilySnapshot): FamilySnapshot {
  const values: Record<string, string> = { status: '2xx', tier: 'memory', result: 'hit', outcome: 'stored', worker: '1' };
  const labels = Object.fromEntries((family.labels ?? []).map((label) => [label, values[label] ?? 'x']));
  const timing = { count: 1, sumUs: 10, cells: Float64Array.of(10, 1), buckets: Float64Array.of(1) };
  const series: SeriesSnapshot = family.kind === 'timing' ? { labels, timing } : { labels, value: 1 };
  return { ...family, series: [series] };
}

test('every action', () => {
  const documented = [...page.matchAll(/^\| `POST [^|]*\|/gm)].flatMap(([row]) =>
    [...row.matchAll(/`(?:POST )?(\/[^`]*)`/g)].map((match) => match[1]!),
  );
  assert.deepEqual(documented.toSorted(), ACTION_ROUTES.map(({ path }) => path).toSorted());
});
