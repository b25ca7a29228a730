import type { Findings, Study } from '../../harness/index.ts';
import { MAX_STALENESS_MS } from './protocol.ts';
import { soak } from './soak.ts';

const PROCESSES = 6;

const study: Study = {
  name: 'coherence/soak',
  study: async (): Promise<Findings> => {
    // SOAK_MINUTES=1 SOAK_SEED=7 for another length, or another course of faults.
    const minutes = Number(process.env['SOAK_MINUTES'] ?? 10);
    const seed = Number(process.env['SOAK_SEED'] ?? 1);
    const result = await soak({ forMs: minutes * 60_000, seed, processes: PROCESSES });
    return {
      bench: 'coherence/soak',
      title: 'A fleet under random faults',
      what: `${PROCESSES} processes, each with its own way to one real Redis, read at random and check every value; two of them hear of changes by numbered messages, the others are tracked. Meanwhile values are invalidated by key, tag and pattern, and something breaks every second or two. A read is too old when it began more than \`maxStaleness\` (${MAX_STALENESS_MS} ms) after a newer version was invalidated for, and the invalidation acknowledged by the store.`,
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
  },
};

export default study;
