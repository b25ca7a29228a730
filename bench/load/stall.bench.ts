import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { nodeServer, type Findings, type RunningServer, type Study } from '../harness/index.ts';
import { autocannon, hey, spillway, type Generator, type Outcome } from './contenders.ts';

const GENERATORS: readonly (readonly [string, Generator])[] = [
  ['spillway', spillway],
  ['autocannon', autocannon],
  ['hey', hey],
];
const RATES = [200, 1000, 3000];
/** When the server is stopped, ms after the first request reached it: at different places of a second. */
const PHASES_MS = [1000, 1370, 1810];
const SECONDS = 5;
const STALL_MS = 1000;

/** Everyone who comes in the stall waits for what is left of it: with n of N s stalled, quantile q is n − (1 − q) N. */
function analytic(q: number): number {
  return STALL_MS - (1 - q) * SECONDS * 1000;
}

async function study(): Promise<Findings> {
  const rows: (string | number)[][] = [];
  const server = await nodeServer(join(import.meta.dirname, 'stall-server.ts'));
  try {
    execFileSync('taskset', ['-a', '-p', '-c', '0', String(server.pids[0])], { stdio: 'ignore' });
    for (const rate of RATES) {
      for (const phaseMs of PHASES_MS) {
        for (const [name, generator] of GENERATORS)
          rows.push([`${rate}/s at ${phaseMs} ms`, name, ...figures(await stalled(server, generator, rate, phaseMs))]);
      }
    }
  } finally {
    await server.stop();
  }
  return {
    bench: 'load/stall',
    title: 'A server that stops for a second',
    what: `A Node server is stopped for ${STALL_MS} ms during ${SECONDS} s of a constant rate over 50 connections, at three phases and three rates. The truth is p90 ${analytic(0.9)} ms, p99 ${analytic(0.99)} ms, max ${STALL_MS} ms. “off by” is the largest error of the three against it.`,
    columns: ['rate and phase', 'generator', 'p90 ms', 'p99 ms', 'max ms', 'off by %'],
    rows,
  };
}

async function stalled(server: RunningServer, generator: Generator, rate: number, phaseMs: number): Promise<Outcome> {
  const pid = server.pids[0]!;
  const served = requestsSeen(server.url);
  const running = generator({ url: `${server.url}/`, connections: 50, seconds: SECONDS, rate });
  await served;
  await delay(phaseMs);
  process.kill(pid, 'SIGSTOP');
  await delay(STALL_MS);
  process.kill(pid, 'SIGCONT');
  return running;
}

/** Resolves when the generator's connections have come in: it has begun. */
async function requestsSeen(url: string): Promise<void> {
  const { port } = new URL(url);
  for (;;) {
    const table = execFileSync('ss', ['-Htn', 'state', 'established', `( dport = :${port} )`], { encoding: 'utf8' });
    if (table.split('\n').length > 10) return;
    await delay(10);
  }
}

function figures({ p90, p99, max }: Outcome): number[] {
  const errors = [p90 / analytic(0.9), p99 / analytic(0.99), max / STALL_MS].map((ratio) => Math.abs(ratio - 1));
  return [p90, p99, max, Math.max(...errors) * 100];
}

const bench: Study = { name: 'load/stall', study };
export default bench;
