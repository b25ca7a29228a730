import type { Findings } from '../../harness/index.ts';
import { MAX_STALENESS_MS } from './protocol.ts';
import { soak } from './soak.ts';

const PROCESSES = 6;

interface Soaked {
  readonly bench: string;
  readonly title: string;
  readonly cluster: boolean;
  readonly minutes: number;
}

/** SOAK_MINUTES=1 SOAK_SEED=7 for another length, or another course of faults. */
export async function soaked({ bench, title, cluster, ...usual }: Soaked): Promise<Findings> {
  const minutes = Number(process.env['SOAK_MINUTES'] ?? usual.minutes);
  const seed = Number(process.env['SOAK_SEED'] ?? 1);
  const result = await soak({ forMs: minutes * 60_000, seed, processes: PROCESSES, cluster });
  const where = cluster ? 'to each of three masters of a real Redis Cluster' : 'to one real Redis';
  return {
    bench,
    title,
    what: `${PROCESSES} processes, each with its own way ${where}, read at random and check every value; two of them hear of changes by numbered messages, the others are tracked. Meanwhile values are invalidated by key, tag and pattern, and something breaks every second or two. A read is too old when it began more than \`maxStaleness\` (${MAX_STALENESS_MS} ms) after a newer version was invalidated for, and the invalidation acknowledged by the store.`,
    columns: ['', 'count'],
    rows: [
      ['minutes', String(minutes)],
      ['checked reads', result.reads.toLocaleString('en')],
      ['reads beyond maxStaleness', String(result.tooOld)],
      ['oldest value read after an acknowledged invalidation, ms', result.oldestMs.toFixed(0)],
      ['reads that failed', String(result.failed)],
      ['invalidations acknowledged', result.acknowledged.toLocaleString('en')],
      ['loads', result.loads.toLocaleString('en')],
      ['unhandled rejections', String(result.unhandled)],
      ...Object.entries(result.faults).map(([name, count]) => [`fault: ${name}`, String(count)]),
    ],
  };
}
