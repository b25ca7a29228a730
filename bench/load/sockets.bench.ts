import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { nodeServer, type Findings, type Study } from '../harness/index.ts';

const COUNTS = [1000, 10_000];
const RATE = 2000;
const SECONDS = 10;

async function study(): Promise<Findings> {
  const rows: (string | number)[][] = [];
  for (const count of COUNTS) {
    const server = await nodeServer(join(import.meta.dirname, 'socket-server.ts'));
    try {
      const task = JSON.stringify({ url: server.url, count, rate: RATE, seconds: SECONDS });
      const { stdout } = await promisify(execFile)(process.execPath, [
        '--conditions=source',
        join(import.meta.dirname, 'run-sockets.ts'),
        task,
      ]);
      const seen = JSON.parse(stdout.slice(stdout.lastIndexOf('\n{') + 1)) as Record<string, number>;
      rows.push([
        count,
        seen['connected']!,
        seen['sent']!,
        seen['delivered']!,
        seen['deliveryP50']!,
        seen['deliveryP99']!,
        seen['mostMb']!,
      ]);
    } finally {
      await server.stop();
    }
  }
  return {
    bench: 'load/sockets',
    title: 'Many WebSockets from one process',
    what: `Connections come in over 10 s; then ${RATE} messages a second for ${SECONDS} s, one sender after another, each answered by the server to its sender. One generator process; the memory is the most it had resident.`,
    columns: ['connections', 'connected', 'messages sent', 'delivered', 'delivery p50 ms', 'delivery p99 ms', 'most memory MB'],
    rows,
  };
}

const bench: Study = { name: 'load/sockets', study };
export default bench;
