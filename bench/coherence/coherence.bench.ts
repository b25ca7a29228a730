import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startRedis } from '../../test/servers/index.ts';
import type { Findings, Study } from '../harness/index.ts';
import { Fleet } from './fleet.ts';
import { SCENARIOS } from './scenarios.ts';

const NAMES = ['spillway', 'bentocache', 'cacheable', 'cache-manager', 'async-cache-dedupe', 'cachified'];
const PROCESSES = 8;
const RESULT = join(import.meta.dirname, '../results/coherence/coherence.json');

/** One contender through every scenario, on a Redis of its own. */
async function column(name: string): Promise<string[]> {
  const redis = await startRedis();
  const fleet = await Fleet.start(name, redis.url, PROCESSES);
  const { tags, patterns } = await fleet.nodes[0]!.ready;
  // What always goes wrong needs no thousand repetitions.
  const races = name === 'spillway' ? Number(process.env['RACES'] ?? 1000) : 20;
  const cells: string[] = [];
  try {
    for (const scenario of SCENARIOS) {
      cells.push(await scenario.play({ fleet, redis, tags, patterns, races }));
      console.error(`${name} · ${scenario.title}: ${cells.at(-1)}`);
    }
    cells.push(String(fleet.unhandled));
  } finally {
    fleet.stop();
    await redis.stop();
  }
  return cells;
}

/** The columns of the last result, when it has the same scenarios. */
function lastColumns(titles: readonly string[]): [string, (string | number)[]][] {
  if (!existsSync(RESULT)) return [];
  const { columns, rows } = JSON.parse(readFileSync(RESULT, 'utf8')) as Findings;
  if (titles.some((title, at) => rows[at]?.[0] !== title)) return [];
  return columns.slice(1).map((name, at) => [name, rows.map((row) => row[at + 1]!)]);
}

const study: Study = {
  name: 'coherence/coherence',
  study: async (): Promise<Findings> => {
    // CONTENDERS=cachified,… measures some anew and keeps the others' columns.
    const only = process.env['CONTENDERS']?.split(',');
    const titles = [...SCENARIOS.map((scenario) => scenario.title), 'unhandled rejections'];
    const columns = new Map<string, readonly (string | number)[]>(only ? lastColumns(titles) : []);
    for (const name of NAMES) if (!only || only.includes(name)) columns.set(name, await column(name));
    const names = NAMES.filter((name) => columns.has(name));
    return {
      bench: 'coherence/coherence',
      title: 'Coherence of a fleet',
      what: `${PROCESSES} processes with one real Redis, every cache at its documented settings. Races are forced: the load has read the old value when the key is invalidated.`,
      columns: ['scenario', ...names],
      rows: titles.map((title, at) => [title, ...names.map((name) => columns.get(name)![at]!)]),
    };
  },
};

export default study;
