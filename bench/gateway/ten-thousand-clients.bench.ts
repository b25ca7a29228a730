/** The power-plans example with ten thousand clients that stay, as `npm start` runs it. */
import { fork, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { planPages } from '../../examples/power-plans/page-plan.ts';
import { freePort, type Findings, type Study } from '../harness/index.ts';

const CONNECTIONS = 10_000;
const RATES = [1000, 2000];
const SECONDS = 20;

interface Measured {
  readonly requests: number;
  readonly errors: Readonly<Record<string, number>>;
  readonly perSecond: number;
  readonly hitRatio: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

async function study(): Promise<Findings> {
  const [port, adminPort] = [await freePort(), await freePort()];
  const example = await startExample(port, adminPort);
  const paths = (await planPages().warmList({ tiers: [1] })).map(({ path }) => path);
  const rows: (string | number)[][] = [];
  try {
    for (const rate of RATES) {
      const { measured, memoryBytes } = await measure(`http://127.0.0.1:${port}`, rate, paths, example.pid!);
      for (const [reason, times] of Object.entries(measured.errors)) console.error(`${rate}/s: ${reason} × ${times}`);
      rows.push([
        `${rate}/s`,
        Math.round(measured.perSecond),
        String(Object.values(measured.errors).reduce((sum, times) => sum + times, 0)),
        `${(measured.hitRatio * 100).toFixed(1)} %`,
        ...[measured.p50Ms, measured.p95Ms, measured.p99Ms, measured.maxMs].map((ms) => `${ms.toFixed(1)} ms`),
        `${Math.round(memoryBytes / 1024 ** 2)} MB`,
      ]);
    }
  } finally {
    example.kill('SIGTERM');
    await once(example, 'exit');
  }
  return {
    bench: 'gateway/ten-thousand-clients',
    title: 'Gateway: ten thousand clients on one machine',
    what: `The power-plans example as npm start runs it: a primary, a worker for each core, and the site behind. ${CONNECTIONS.toLocaleString('en')} connections are opened and stay open; requests for ${paths.length} pages of tier 1 come in turn over all of them for ${SECONDS} s, at a fixed rate, and latency counts from when each was due. The load generator runs on the same cores. Memory: resident, of all processes of the example together, at the end.`,
    columns: ['planned', 'answered a second', 'errors', 'from the cache', 'p50', 'p95', 'p99', 'longest', 'memory'],
    rows,
  };
}

async function startExample(port: number, adminPort: number): Promise<ChildProcess> {
  const { DATABASE_URL: _, REDIS_URL: __, ...env } = process.env;
  const example = spawn(process.execPath, ['--conditions=source', 'examples/power-plans/start.ts'], {
    cwd: join(import.meta.dirname, '../..'),
    env: { ...env, PORT: String(port), ADMIN_PORT: String(adminPort), POWER_PLANS_DATA: 'memory', NODE_ENV: 'production' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  await new Promise<void>((resolve) => {
    example.stdout!.on('data', (chunk) => (output += String(chunk)).includes('Ctrl-C') && resolve());
    example.stdout!.on('close', resolve);
  });
  if (!output.includes('Ctrl-C')) throw new Error(`the example did not start:\n${output}`);
  return example;
}

async function measure(url: string, rate: number, paths: readonly string[], pid: number) {
  const clients = fork(join(import.meta.dirname, 'many-clients.ts'), [
    url,
    String(CONNECTIONS),
    String(rate),
    String(SECONDS),
    JSON.stringify(paths),
  ]);
  await once(clients, 'message');
  clients.send('go');
  const [measured] = (await once(clients, 'message')) as [Measured];
  const memoryBytes = [pid, ...descendants(pid)].reduce((sum, one) => sum + residentBytes(one), 0);
  if (clients.exitCode === null) await once(clients, 'exit');
  return { measured, memoryBytes };
}

function descendants(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
  return children.flatMap((child) => [child, ...descendants(child)]);
}

function residentBytes(pid: number): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024;
}

const tenThousandClients: Study = { name: 'gateway/ten-thousand-clients', study };
export default tenThousandClients;
