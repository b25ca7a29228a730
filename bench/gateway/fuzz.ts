/**
 * Fuzzes the way of a request through the gateway: `node --conditions=source bench/gateway/fuzz.ts --duration 10m`. Every
 * case follows from its seed; `--seed 7` begins there, `--only 7` does that one alone; `--check 1` looks after each of them
 * for what stays behind. Seeds that found something once
 * are in fuzz-seeds.json and come first. Exit code 1 when something was found.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { formatDuration, parseDuration } from '../../src/kernel/index.ts';
import { fuzzCase } from './fuzz-case.ts';
import { fuzz } from './fuzz-run.ts';

const { values } = parseArgs({
  options: {
    duration: { type: 'string', default: '10s' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string' },
    check: { type: 'string', default: '200' },
    keep: { type: 'boolean', default: false },
  },
});
const durationMs = parseDuration(values.duration);
if (durationMs === undefined) throw new Error(`'${values.duration}' is not a duration such as 10m`);
const keptFile = join(import.meta.dirname, 'fuzz-seeds.json');
const kept = JSON.parse(readFileSync(keptFile, 'utf8')) as number[];

function* seeds(): Generator<number> {
  if (values.only !== undefined) return yield Number(values.only);
  yield* kept;
  for (let seed = Number(values.seed); ; seed++) yield seed;
}

const startMs = performance.now();
const { cases, answers, findings } = await fuzz({
  seeds: seeds(),
  untilMs: startMs + durationMs,
  checkEvery: Number(values.check),
});
const took = formatDuration(Math.round((performance.now() - startMs) / 1000) * 1000);
for (const { seed, what } of findings) {
  console.log(`seed ${seed}: ${what}`);
  console.log(`  ${JSON.stringify(fuzzCase(seed).pieces)}`);
}
console.log(`${cases} connections, ${answers} answers in ${took}: ${findings.length} findings`);
if (values.keep && findings.length > 0) {
  const found = [...new Set([...kept, ...findings.map(({ seed }) => seed)])].toSorted((a, b) => a - b);
  writeFileSync(keptFile, `${JSON.stringify(found)}\n`);
}
process.exit(findings.length > 0 ? 1 : 0);
