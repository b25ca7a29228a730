/** System calls of other programs, as strace (Linux) tells of them: a line each. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** With the file beside each descriptor, and only calls that succeeded. */
const WATCH = ['-f', '-qq', '-y', '-z'];
const TAKES_HOLD_MS = 500;

/** The calls named in `calls`, of `command` and all it starts. How it ends does not matter. */
export async function callsOf(command: readonly string[], calls: string, cwd: string): Promise<string[]> {
  return written(async (file) => {
    const { error } = spawnSync('strace', [...WATCH, '--seccomp-bpf', '-e', `trace=${calls}`, '-o', file, ...command], { cwd });
    if (error) throw error;
  });
}

/** The same of a process that runs, and of those it starts, while `work` lasts. */
export async function callsWhile(pid: number, calls: string, work: () => Promise<void>): Promise<string[]> {
  return written(async (file) => {
    const strace = spawn('strace', [...WATCH, '-e', `trace=${calls}`, '-o', file, '-p', String(pid)]);
    const ended = once(strace, 'exit');
    await delay(TAKES_HOLD_MS);
    await work();
    strace.kill('SIGINT');
    await ended;
  });
}

async function written(write: (file: string) => Promise<void>): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'spillway-trace-'));
  const file = join(folder, 'calls');
  try {
    await write(file);
    return readFileSync(file, 'utf8').split('\n');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
