import { execFile } from 'node:child_process';
import { dirname, join } from 'node:path';
import { realpathSync } from 'node:fs';
import { promisify } from 'node:util';
import { programPath, startPostgres } from '../../../test/servers/index.ts';
import { callsWhile } from './system-calls.ts';

const run = promisify(execFile);
const BLOCK_BYTES = 8192;
const SCALE = 2;
const TRANSACTIONS = 30_000;
/** What people and tools ask of the catalogue. */
const CATALOGUE = ['\\dt+', '\\d pgbench_accounts', '\\df', '\\l', 'select * from information_schema.columns', 'table pg_stats'];
/** What a report asks: a scan, and a part of one. */
const REPORTS = [
  'select bid, sum(abalance) from pgbench_accounts group by bid',
  'select aid, abalance from pgbench_accounts where aid between 5000 and 9000 order by abalance',
];

/**
 * Blocks that a real PostgreSQL with hardly any memory of its own (32 blocks) asks the operating system for: pgbench's
 * look-ups and TPC-B-like transactions on two connections, and between them what a person asks of the catalogue, and a report.
 */
export async function recordPostgres(): Promise<string[]> {
  const server = await startPostgres({ shared_buffers: '256kB', autovacuum: 'on' });
  const bin = dirname(realpathSync(programPath('postgres')));
  const address = ['-h', '127.0.0.1', '-p', String(server.port), '-U', 'postgres'];
  const psql = (command: string) => run(join(bin, 'psql'), [...address, '-c', command, 'postgres'], { maxBuffer: 1e8 });
  try {
    await run(join(bin, 'pgbench'), [...address, '-i', '-q', '-s', String(SCALE), 'postgres']);
    const lines = await callsWhile(server.process.pid, 'pread64', async () => {
      const mixed = ['-b', 'tpcb-like@3', '-b', 'select-only@7', '-c', '2', '-t', String(TRANSACTIONS / 2), 'postgres'];
      const bench = run(join(bin, 'pgbench'), [...address, '-n', ...mixed]);
      const over = new AbortController();
      const end = (): void => over.abort();
      bench.then(end, end);
      for (let at = 0; !over.signal.aborted; at++) {
        await psql(at % 8 === 7 ? REPORTS[(at >> 3) % REPORTS.length]! : CATALOGUE[at % CATALOGUE.length]!);
        await new Promise((resolve) => setTimeout(resolve, 400));
      }
      await bench;
    });
    return lines.flatMap(blockRead);
  } finally {
    await server.stop();
  }
}

/** `1234 pread64(9</data/base/5/1259>, "…", 8192, 16384) = 8192` */
function blockRead(line: string): string[] {
  const match = /pread64\(\d+<(.+\/(?:base|global)\/.+?)>, .*, 8192, (\d+)\) = 8192$/.exec(line);
  return match ? [`${match[1]}:${Number(match[2]) / BLOCK_BYTES}`] : [];
}
