import { globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { dirname, join } from 'node:path';
import type { Findings } from './bench.ts';
import type { Comparison } from './compare.ts';

const root = join(import.meta.dirname, '../..');

interface Circumstances {
  readonly command: string;
  readonly node: string;
  readonly machine: string;
  /** Versions of the peers as installed. */
  readonly peers: Readonly<Record<string, string>>;
  readonly date: string;
}

type Result = (Comparison | Findings) & Circumstances;

/** Writes `bench/results/<name>.json`. */
export function writeResult(outcome: Comparison | Findings): void {
  const file = join(root, 'bench/results', `${outcome.bench}.json`);
  const processors = cpus();
  const result: Result = {
    ...outcome,
    command: `npm run bench -- ${outcome.bench}`,
    node: process.version,
    machine: `${processors.length} × ${processors[0]?.model ?? 'unknown processor'}`,
    peers: peerVersions(),
    date: new Date().toISOString().slice(0, 10),
  };
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(result, null, 2)}\n`);
}

function peerVersions(): Record<string, string> {
  const lock = JSON.parse(readFileSync(join(root, 'bench/package-lock.json'), 'utf8')) as {
    packages: Record<string, { version?: string; dependencies?: Record<string, string> }>;
  };
  const names = Object.keys(lock.packages['']?.dependencies ?? {});
  return Object.fromEntries(names.map((name) => [name, lock.packages[`node_modules/${name}`]?.version ?? '?']));
}

/** The outcome as a table for people. */
export function table(outcome: Comparison | Findings): string {
  return 'standings' in outcome
    ? comparisonTable(outcome)
    : markdownTable(
        outcome.columns,
        outcome.rows.map((row) => row.map((cell) => (typeof cell === 'number' ? number(cell) : cell))),
      );
}

function comparisonTable(comparison: Comparison): string {
  const figures = [...new Set(comparison.standings.flatMap((standing) => Object.keys(standing.figures)))];
  const head = ['', `CPU µs / ${comparison.unit}`, '÷ baseline', '(least – most)', `${comparison.unit}s / s`, ...figures];
  const rows = comparison.standings.map((standing) => [
    standing.contender,
    number(standing.cpuUs.median),
    number(standing.cpuRatio.median),
    `${number(standing.cpuRatio.min)} – ${number(standing.cpuRatio.max)}`,
    Math.round(standing.operationsPerSecond.median).toLocaleString('en'),
    ...figures.map((name) => number(standing.figures[name] ?? Number.NaN)),
  ]);
  return markdownTable(head, rows);
}

function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, at) => (at === 0 ? '---' : '---:'))), ...rows.map(line)].join('\n');
}

function number(value: number): string {
  if (Number.isNaN(value)) return '';
  return value >= 100
    ? Math.round(value).toLocaleString('en')
    : value >= 10
      ? value.toFixed(1)
      : value.toFixed(value >= 1 ? 2 : 3);
}

/** Makes docs/bench.md of all result files, and fills the tables of other pages: no figure was typed by hand. */
export function writePages(): void {
  const files = globSync('bench/results/**/*.json', { cwd: root }).toSorted();
  const results = files.map((file) => JSON.parse(readFileSync(join(root, file), 'utf8')) as Result);
  const intro =
    '# Measurements\n\nMade from the files in `bench/results/` by `npm run bench -- --page`; each of those was written by the command it names.\n' +
    'Contenders run in turn, in processes of their own, in one run; the ratio is the median over rounds of CPU time (user + system)\n' +
    'per operation divided by the baseline’s in the same round. The machines are shared and noisy: trust ratios, not absolutes, and\n' +
    'call differences under 1.2 × parity.\n';
  writeFileSync(join(root, 'docs/bench.md'), `${intro}\n${results.map(section).join('\n')}`);
  for (const page of ['README.md', ...globSync('docs/{rooms,guides}/*.md', { cwd: root })]) fillTables(join(root, page), results);
}

/** Renews what stands between `<!-- bench:name -->` and `<!-- /bench -->`. */
function fillTables(page: string, results: readonly Result[]): void {
  const text = readFileSync(page, 'utf8');
  const filled = text.replaceAll(
    /(<!-- bench:([\w/-]+) -->\n)[\s\S]*?(<!-- \/bench -->)/g,
    (_, begin: string, name: string, end: string) => {
      const result = results.find(({ bench }) => bench === name);
      if (!result) throw new Error(`${page} wants the result of ${name}, which has not been measured: npm run bench -- ${name}`);
      return `${begin}\n${table(result)}\n\nMeasured by \`${result.command}\`; more in docs/bench.md.\n\n${end}`;
    },
  );
  if (filled !== text) writeFileSync(page, filled);
}

function section(result: Result): string {
  const circumstances = `Node ${result.node}, ${result.machine}, ${result.date}. Again: \`${result.command}\`.`;
  const absent =
    'absent' in result ? Object.entries(result.absent).map(([name, reason]) => `Not measured: ${name} (${reason}).`) : [];
  const rounds = 'standings' in result ? `Baseline: ${result.baseline}. ${result.rounds} rounds, ` : '';
  return [`## ${result.title}`, '', result.what, '', table(result), '', ...absent, `${rounds}${circumstances}`, ''].join('\n');
}
