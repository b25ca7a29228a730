import { runtimeFrom } from '../../src/kernel/index.ts';
import type { CliContext, Output } from '../../src/cli/context.ts';
import { createPaint } from '../../src/cli/paint.ts';
import { runCli } from '../../src/cli/program.ts';

export interface CliRun {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

class Captured implements Output {
  text = '';
  readonly isTTY: boolean;
  readonly columns = 120;

  constructor(isTTY: boolean) {
    this.isTTY = isTTY;
  }

  write(text: string): void {
    this.text += text;
  }

  async drained(): Promise<void> {}
}

export interface CliSurroundings extends Partial<Omit<CliContext, 'stdout' | 'stderr'>> {
  readonly isTTY?: boolean;
}

/** Runs the command line in this process, as `main.ts` would, with what the test gives instead of the machine. */
export async function runInProcess(args: readonly string[], given: CliSurroundings = {}): Promise<CliRun> {
  const { isTTY = false, ...rest } = given;
  const [stdout, stderr] = [new Captured(isTTY), new Captured(isTTY)];
  const code = await runCli(args, {
    stdout,
    stderr,
    env: {},
    cwd: process.cwd(),
    runtime: runtimeFrom(),
    fetch: () => Promise.reject(new Error('this test has no network')),
    paint: createPaint(isTTY),
    paintError: createPaint(isTTY),
    stop: new AbortController().signal,
    startSpillway: () => Promise.reject(new Error('this test starts nothing')),
    exit: 'ok',
    ...rest,
  });
  return { code, stdout: stdout.text, stderr: stderr.text };
}
