/**
 * `npm run bench -- [part of a name …] [--rounds n] [--page]`: runs the benches whose path contains one of the parts
 * (all without any), writes `bench/results/` and makes docs/bench.md anew. `--page` alone only makes the page.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, globSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import {
  compare,
  table,
  writePages,
  writeResult,
  type Bench,
  type Comparison,
  type Findings,
  type Study,
} from './harness/index.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string' }, page: { type: 'boolean', default: false } },
});
const root = join(import.meta.dirname, '..');

if (!(values.page && positionals.length === 0)) await runBenches();
writePages();

async function runBenches(): Promise<void> {
  if (!existsSync(join(root, 'bench/node_modules')))
    spawnSync('npm', ['ci', '--prefix', 'bench'], { cwd: root, stdio: 'inherit' });
  const files = globSync('bench/**/*.bench.ts', { cwd: root, exclude: ['bench/node_modules/**'] }).toSorted();
  const wanted = files.filter((file) => positionals.length === 0 || positionals.some((part) => file.includes(part)));
  if (wanted.length === 0) {
    console.error(`No bench's path contains ${positionals.join(' or ')}. There are:\n${files.join('\n')}`);
    process.exit(1);
  }
  for (const file of wanted) {
    const outcome = await measure(join(root, file));
    console.log(`\n${outcome.title}\n${outcome.what}\n${table(outcome)}`);
    writeResult(outcome);
  }
}

async function measure(file: string): Promise<Comparison | Findings> {
  const bench = ((await import(pathToFileURL(file).href)) as { default: Bench | Study }).default;
  if ('study' in bench) return bench.study();
  return compare(bench, file, values.rounds ? Number(values.rounds) : undefined);
}
