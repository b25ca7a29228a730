import { execFileSync } from 'node:child_process';
import { freePort, nginxServer, type Findings, type Study } from '../harness/index.ts';
import { spillway, type Task } from './contenders.ts';

const TASKS: readonly Omit<Task, 'url'>[] = [
  { rate: 1000, connections: 64, seconds: 5 },
  { rate: 5000, connections: 64, seconds: 5 },
  { rate: 5000, connections: 64, seconds: 5, workers: 2 },
  { rate: 400_000, connections: 64, seconds: 2 },
];

async function study(): Promise<Findings> {
  const port = await freePort();
  const server = await nginxServer(port, `server { listen 127.0.0.1:${port}; location / { return 200 "ok"; } }`);
  const rows: (string | number)[][] = [];
  try {
    for (const pid of server.pids) execFileSync('taskset', ['-p', '-c', '0', String(pid)], { stdio: 'ignore' });
    for (const task of TASKS) {
      const { p50, p99, notes } = await spillway({ ...task, url: `${server.url}/` });
      const { planned, sent, lagP99, exitCode } = notes as Record<string, number>;
      rows.push([
        `${task.rate!.toLocaleString('en')}/s for ${task.seconds} s`,
        task.workers ?? 1,
        planned!,
        sent!,
        p50,
        p99,
        lagP99!,
        exitCode!,
      ]);
    }
  } finally {
    await server.stop();
  }
  return {
    bench: 'load/open-loop',
    title: 'Open loop: planned, sent and the verdict',
    what: 'A constant rate on nginx over 64 connections. The last row asks for far more than one process can send: it must be invalid, which is exit code 97.',
    columns: ['rate', 'workers', 'planned', 'sent', 'p50 ms', 'p99 ms', 'lag p99 ms', 'exit code'],
    rows,
  };
}

const bench: Study = { name: 'load/open-loop', study };
export default bench;
