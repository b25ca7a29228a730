import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** What a load generator reports about a run; latencies in ms. */
export interface Outcome {
  readonly requests: number;
  /** CPU time (user and system) the generator spent, ms: of Node programs from the first request to the last, of others in all. */
  readonly cpuMs: number;
  readonly wallMs: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
  /** What else it has to say. */
  readonly notes?: Readonly<Record<string, string | number>>;
}

export interface Task {
  readonly url: string;
  readonly connections: number;
  readonly seconds: number;
  /** Requests a second; undefined: as many as it can. */
  readonly rate?: number;
  readonly workers?: number;
}

export type Generator = (task: Task) => Promise<Outcome>;

/** The core generators run on; servers run on the other. */
const CORE = '1';

/** Runs one of the Node programs in this folder on the generators' core. */
function nodeProgram(file: string): Generator {
  return async (task) => {
    const args = [
      '-c',
      task.workers ? '0,1' : CORE,
      process.execPath,
      '--conditions=source',
      join(import.meta.dirname, file),
      JSON.stringify(task),
    ];
    const { stdout } = await promisify(execFile)('taskset', args, { maxBuffer: 64 * 1024 * 1024 });
    return JSON.parse(stdout.slice(stdout.lastIndexOf('\n{') + 1)) as Outcome;
  };
}

export const spillway = nodeProgram('run-spillway.ts');
export const autocannon = nodeProgram('run-autocannon.ts');
/** No generator: the sockets alone. */
export const bare = nodeProgram('run-bare.ts');

/** Runs a program that is not Node's, with the shell's own clock for CPU time. */
async function timed(command: string, args: readonly string[]): Promise<{ text: string; cpuMs: number; wallMs: number }> {
  const script = `TIMEFORMAT='CPU %U %S %R'; time taskset -c ${CORE} "$0" "$@"`;
  const { stdout, stderr } = await promisify(execFile)('bash', ['-c', script, command, ...args]);
  const [, user, system, wall] = /CPU ([\d.]+) ([\d.]+) ([\d.]+)/.exec(stderr)!.map(Number);
  return { text: stdout, cpuMs: (user! + system!) * 1000, wallMs: wall! * 1000 };
}

/** wrk has no rate; it is here for its CPU time. */
export const wrk: Generator = async ({ url, connections, seconds }) => {
  const { text, cpuMs } = await timed('wrk', ['-t', '1', '-c', String(connections), '-d', `${seconds}s`, '--latency', url]);
  const percentile = (name: string): number => milliseconds(new RegExp(`${name}%\\s+([\\d.]+)(us|ms|s)`).exec(text));
  const max = milliseconds(/Latency\s+\S+\s+\S+\s+([\d.]+)(us|ms|s)/.exec(text));
  const requests = Number(/(\d+) requests in/.exec(text)![1]);
  return { requests, cpuMs, wallMs: seconds * 1000, p50: percentile('50'), p90: percentile('90'), p99: percentile('99'), max };
};

/** hey shares a rate evenly among its workers; with one, as many as there are connections send at it. */
export const hey: Generator = async ({ url, connections, seconds, rate }) => {
  const workers = rate === undefined ? connections : Math.min(connections, 50);
  const pace = rate === undefined ? [] : ['-q', String(rate / workers)];
  const { text, cpuMs } = await timed('hey', ['-z', `${seconds}s`, '-c', String(workers), ...pace, url]);
  const percentile = (name: string): number =>
    Number(new RegExp(`${name}% in ([\\d.]+) secs`).exec(text)?.[1] ?? Number.NaN) * 1000;
  const requests = [...text.matchAll(/\[\d+\]\s+(\d+) responses/g)].reduce((sum, match) => sum + Number(match[1]), 0);
  const max = Number(/Slowest:\s+([\d.]+) secs/.exec(text)![1]) * 1000;
  return { requests, cpuMs, wallMs: seconds * 1000, p50: percentile('50'), p90: percentile('90'), p99: percentile('99'), max };
};

function milliseconds(match: RegExpExecArray | null): number {
  const factor = { us: 0.001, ms: 1, s: 1000 }[match?.[2] ?? 'ms']!;
  return Number(match?.[1] ?? Number.NaN) * factor;
}
