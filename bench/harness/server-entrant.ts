import { execFile, execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { HttpLoad, ServerContender } from './bench.ts';
import type { Entrant, Slice } from './slice.ts';

const CLOCK_TICKS_PER_SECOND = 100;

/** Starts the server; each of its turns is a burst of load by wrk from the other core. */
export async function enterServer(contender: ServerContender, sliceMs: number): Promise<Entrant> {
  const server = await contender.start();
  for (const pid of server.pids) pin(pid, 0);
  const load = contender.load ?? {};
  await burst(server.url, load, Math.min(1000, sliceMs));
  return {
    work: async () => {
      const before = server.pids.map(cpuMs);
      const done = await burst(server.url, load, sliceMs);
      // A process that has ended meanwhile (nginx's cache loader does) no longer counts.
      const spent = server.pids.map((pid, at) => Math.max(0, cpuMs(pid) - before[at]!));
      return { ...done, cpuMs: spent.reduce((sum, ms) => sum + ms, 0) };
    },
    close: () => server.stop(),
  };
}

/** Why servers cannot be measured here, or undefined when they can. */
export function loadUnavailable(): string | undefined {
  if (!existsSync('/usr/bin/wrk')) return `wrk is missing: apt-get install wrk`;
  return existsSync('/proc/self/stat') ? undefined : 'CPU time of other processes is read from /proc, which this system lacks';
}

async function burst(url: string, load: HttpLoad, durationMs: number): Promise<Slice> {
  const headers = Object.entries(load.headers ?? {}).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
  const seconds = Math.max(1, Math.round(durationMs / 1000));
  const args = [
    '-c',
    '1',
    'wrk',
    '-t',
    String(load.threads ?? 1),
    '-c',
    String(load.connections ?? 64),
    '-d',
    `${seconds}s`,
    '--latency',
    ...headers,
    ...(load.uploadBytes === undefined ? [] : ['-s', uploadScript(load.uploadBytes)]),
    url,
  ];
  const { stdout } = await promisify(execFile)('taskset', args);
  const operations = Number(/(\d+) requests in/.exec(stdout)?.[1]);
  const failed = Number(/Non-2xx or 3xx responses: (\d+)/.exec(stdout)?.[1] ?? 0);
  if (!operations || failed > 0) throw new Error(`${url}: ${failed} of ${operations} requests failed\n${stdout}`);
  const percentile = (name: string): number => milliseconds(new RegExp(`${name}%\\s+([\\d.]+)(us|ms|s)`).exec(stdout));
  return { operations, wallMs: seconds * 1000, cpuMs: 0, figures: { p50Ms: percentile('50'), p99Ms: percentile('99') } };
}

/** wrk takes the method and body of its requests from a script. */
function uploadScript(bytes: number): string {
  const file = join(tmpdir(), `spillway-upload-${bytes}.lua`);
  writeFileSync(file, `wrk.method = 'POST'\nwrk.body = string.rep('x', ${bytes})\n`);
  return file;
}

function milliseconds(match: RegExpExecArray | null): number {
  const factor = { us: 0.001, ms: 1, s: 1000 }[match?.[2] ?? 'ms']!;
  return Number(match?.[1] ?? Number.NaN) * factor;
}

function cpuMs(pid: number): number {
  if (!existsSync(`/proc/${pid}/stat`)) return 0;
  // The command in parentheses may hold spaces: count fields after it.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / CLOCK_TICKS_PER_SECOND;
}

function pin(pid: number, core: number): void {
  execFileSync('taskset', ['-a', '-p', '-c', String(core), String(pid)], { stdio: 'ignore' });
}
