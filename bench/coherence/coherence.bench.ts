import { startRedis } from '../../test/servers/index.ts';
import type { Findings, Study } from '../harness/index.ts';
import { Fleet } from './fleet.ts';
import { SCENARIOS } from './scenarios.ts';

const NAMES = ['spillway', 'bentocache', 'cacheable', 'cache-manager', 'async-cache-dedupe', 'cachified'];
const PROCESSES = 8;

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

const study: Study = {
  name: 'coherence/coherence',
  study: async (): Promise<Findings> => {
    const only = process.env['CONTENDERS']?.split(',');
    const names = NAMES.filter((name) => only === undefined || only.includes(name));
    const columns: string[][] = [];
    for (const name of names) columns.push(await column(name));
    const titles = [...SCENARIOS.map((scenario) => scenario.title), 'unhandled rejections'];
    return {
      bench: 'coherence/coherence',
      title: 'Coherence of a fleet',
      what: `${PROCESSES} processes with one real Redis, every cache at its documented settings. Races are forced: the load has read the old value when the key is invalidated.`,
      columns: ['scenario', ...names],
      rows: titles.map((title, at) => [title, ...columns.map((cells) => cells[at]!)]),
    };
  },
};

export default study;
