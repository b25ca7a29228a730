import { execFileSync } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort, nginxServer, type Findings, type RunningServer, type Study } from '../harness/index.ts';
import { autocannon, hey, spillway, type Generator, type Outcome } from './contenders.ts';

const GENERATORS: readonly (readonly [string, Generator])[] = [
  ['spillway', spillway],
  ['autocannon', autocannon],
  ['hey', hey],
];
const RATES = [200, 500, 2000];
/** When the server is stopped, ms after the first request reached it: at different places of a second. */
const PHASES_MS = [1000, 1370, 1810];
const SECONDS = 5;
const STALL_MS = 1000;

/** Everyone who comes in the stall waits for what is left of it: with n of N s stalled, quantile q is n − (1 − q) N. */
function analytic(q: number, stallMs: number): number {
  return stallMs - (1 - q) * SECONDS * 1000;
}

async function study(): Promise<Findings> {
  const rows: (string | number)[][] = [];
  const port = await freePort();
  const server = await nginxServer(port, `server { listen 127.0.0.1:${port}; location / { return 200 "ok"; } }`);
  try {
    for (const pid of server.pids) execFileSync('taskset', ['-p', '-c', '0', String(pid)], { stdio: 'ignore' });
    for (const rate of RATES) {
      for (const phaseMs of PHASES_MS) {
        for (const [name, generator] of GENERATORS) {
          const { outcome, stallMs } = await believed(() => stalled(server, generator, rate, phaseMs));
          rows.push([`${rate}/s at ${phaseMs} ms`, name, Math.round(stallMs), ...figures(outcome, stallMs)]);
        }
      }
    }
  } finally {
    await server.stop();
  }
  return {
    bench: 'load/stall',
    title: 'A server that stops for a second',
    what: `nginx is stopped for a second during ${SECONDS} s of a constant rate over 50 connections, at three phases and three rates. “stall” is how long it really stood still; the truth is p90 = stall − ${(SECONDS * 100).toFixed(0)} ms, p99 = stall − ${SECONDS * 10} ms, max = stall. “off by” is the largest error of the three. A run that its own generator calls invalid is made again, at most twice; only Spillway’s ever does.`,
    columns: ['rate and phase', 'generator', 'stall ms', 'p90 ms', 'p99 ms', 'max ms', 'off by %'],
    rows,
  };
}

/** Runs again what says of itself that it is not to be believed: on a machine that others use it happens. */
async function believed<Run extends { readonly outcome: Outcome }>(run: () => Promise<Run>): Promise<Run> {
  let made = await run();
  for (let again = 0; again < 2 && made.outcome.notes?.['exitCode'] === 97; again++) made = await run();
  return made;
}

async function stalled(
  server: RunningServer,
  generator: Generator,
  rate: number,
  phaseMs: number,
): Promise<{ outcome: Outcome; stallMs: number }> {
  const begun = requestsSeen(server.url);
  const running = generator({ url: `${server.url}/`, connections: 50, seconds: SECONDS, rate });
  await begun;
  await delay(phaseMs);
  const stoppedAtMs = performance.now();
  for (const pid of server.pids) process.kill(pid, 'SIGSTOP');
  await delay(STALL_MS);
  for (const pid of server.pids) process.kill(pid, 'SIGCONT');
  const stallMs = performance.now() - stoppedAtMs;
  return { outcome: await running, stallMs };
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

function figures({ p90, p99, max }: Outcome, stallMs: number): number[] {
  const ratios = [p90 / analytic(0.9, stallMs), p99 / analytic(0.99, stallMs), max / stallMs];
  return [p90, p99, max, Math.max(...ratios.map((ratio) => Math.abs(ratio - 1))) * 100];
}

const bench: Study = { name: 'load/stall', study };
export default bench;
