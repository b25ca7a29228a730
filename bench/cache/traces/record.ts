/**
 * `node --conditions=source bench/cache/traces/record.ts [name …]` records the traces of bench/cache/hit-ratio.bench.ts
 * anew. Needs strace, and for a running server's calls the right to trace it.
 */
import { join } from 'node:path';
import { recordFiles } from './record-files.ts';
import { recordPostgres } from './record-postgres.ts';
import { recordSite } from './record-site.ts';
import { writeTrace } from './trace.ts';

const ROOT = join(import.meta.dirname, '../../..');

const RECORDERS: Readonly<Record<string, () => Promise<string[]>>> = {
  files: () => recordFiles(ROOT),
  postgres: recordPostgres,
  site: () => recordSite(ROOT),
};

const names = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(RECORDERS);
for (const name of names) {
  const record = RECORDERS[name];
  if (!record) throw new Error(`There is no recorder ${name}; there are ${Object.keys(RECORDERS).join(', ')}.`);
  writeTrace(name, await record());
}
