import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';

const KEPT_OUTPUT_CHARS = 4000;
const LOOK_AGAIN_MS = 50;
const STOP_WITHIN_MS = 15_000;

/** A Node process of the example. What it prints is kept, to be shown should it fail; once it is ready its errors pass through. */
export class Child {
  readonly name: string;
  /** Settles with how it ended: `exit code 1`, `SIGKILL`. */
  readonly exited: Promise<string>;
  readonly #process: ChildProcess;
  #output = '';
  #isReady = false;
  #ended = false;

  constructor(name: string, args: readonly string[], env: NodeJS.ProcessEnv) {
    this.name = name;
    // With a channel the child learns of our end, however that came. A group of its own keeps Ctrl-C to us, who end in order.
    this.#process = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe', 'ipc'], detached: true });
    this.#process.stdout!.on('data', (chunk: Buffer) => this.#keep(chunk));
    this.#process.stderr!.on('data', (chunk: Buffer) => (this.#isReady ? process.stderr.write(chunk) : this.#keep(chunk)));
    this.exited = once(this.#process, 'exit').then(([code, signal]) => {
      this.#ended = true;
      return signal ? String(signal) : `exit code ${String(code)}`;
    });
  }

  get pid(): number {
    return this.#process.pid!;
  }

  /** The last of what it printed. */
  get lastOutput(): string {
    return this.#output.trim();
  }

  /** Resolves when `url` answers 200. */
  async ready(url: string, withinMs: number): Promise<void> {
    const deadline = performance.now() + withinMs;
    while (!(await answers(url))) {
      if (this.#ended) throw new Error(`The ${this.name} could not start.\n${this.lastOutput}`);
      if (performance.now() > deadline)
        throw new Error(`The ${this.name} is not ready after ${withinMs / 1000} s:\n${this.lastOutput}`);
      await delay(LOOK_AGAIN_MS);
    }
    this.#isReady = true;
  }

  /** Asks it to end, and makes it when it does not in time. */
  async stop(): Promise<void> {
    if (this.#ended) return;
    this.#process.kill('SIGTERM');
    const late = new AbortController();
    await Promise.race([this.exited, delay(STOP_WITHIN_MS, undefined, { signal: late.signal }).catch(() => {})]);
    late.abort();
    if (!this.#ended) this.#process.kill('SIGKILL');
    await this.exited;
  }

  #keep(chunk: Buffer): void {
    this.#output = (this.#output + chunk.toString()).slice(-KEPT_OUTPUT_CHARS);
  }
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2000) });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}
