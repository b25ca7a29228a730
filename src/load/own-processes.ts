import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { parseDuration, SpillwayError, type Clock, type Duration } from '../kernel/index.ts';

/** A process that the run starts before the load and stops after it. Only such processes can be made to fail. */
export interface OwnProcess {
  readonly command: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Where it listens once it is ready: `127.0.0.1:6379`, or the address of a page. */
  readonly ready: string;
  /** How long it may take to be ready. Default 30s. */
  readonly within?: Duration;
}

/** Something that goes wrong with a process of the run's own, `at` a time after its start. */
export type FaultStep =
  /** It is stopped in its tracks, connections and all, and goes on after `for`. */
  | { readonly at: Duration; readonly stall: string; readonly for: Duration }
  /** It is killed, without a chance to say goodbye. */
  | { readonly at: Duration; readonly kill: string }
  /** One of its child processes, such as a worker, is killed. */
  | { readonly at: Duration; readonly killChild: string }
  /** It is started again after a kill. */
  | { readonly at: Duration; readonly restart: string };

/** When a fault happened, and what it was. */
export interface FaultMark {
  readonly atMs: number;
  readonly what: string;
}

const LOOK_AGAIN_MS = 25;
const OUTPUT_KEPT = 4000;

interface Started {
  readonly spec: OwnProcess;
  child: ChildProcess;
  output: string;
}

/** The processes a run started, by name. */
export class OwnProcesses {
  readonly marks: FaultMark[] = [];
  readonly #clock: Clock;
  readonly #started = new Map<string, Started>();
  readonly #onExit = (): void => {
    for (const { child } of this.#started.values()) signalGroup(child, 'SIGKILL');
  };

  constructor(clock: Clock) {
    this.#clock = clock;
    process.once('exit', this.#onExit);
  }

  /** Starts all, in order, each when the one before is ready. */
  async start(specs: Readonly<Record<string, OwnProcess>>): Promise<void> {
    for (const [name, spec] of Object.entries(specs)) {
      const started: Started = { spec, child: this.#spawn(spec), output: '' };
      this.#started.set(name, started);
      await this.#ready(name, started);
    }
  }

  /** Lets a fault happen now; `atMs` is where the run stands. */
  apply(step: FaultStep, atMs: number): void {
    if ('stall' in step) this.#stall(step.stall, parseDuration(step.for) ?? 0, atMs);
    else if ('kill' in step) this.#mark(atMs, `${step.kill} is killed`, signalGroup(this.#named(step.kill).child, 'SIGKILL'));
    else if ('killChild' in step) this.#killChild(step.killChild, atMs);
    else {
      const started = this.#named(step.restart);
      started.child = this.#spawn(started.spec);
      this.#mark(atMs, `${step.restart} is started again`, true);
    }
  }

  async stop(): Promise<void> {
    process.off('exit', this.#onExit);
    for (const { child } of [...this.#started.values()].toReversed()) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const gone = once(child, 'exit');
      signalGroup(child, 'SIGCONT');
      signalGroup(child, 'SIGTERM');
      const forced = this.#clock.setTimer(() => signalGroup(child, 'SIGKILL'), 5000);
      await gone;
      forced.cancel();
    }
  }

  #spawn({ command, args = [], env, cwd }: OwnProcess): ChildProcess {
    const child = spawn(command, args, {
      // A group of its own: a fault meets its workers too.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
      ...(cwd === undefined ? {} : { cwd }),
    });
    const keep = (chunk: Buffer): void => {
      const started = [...this.#started.values()].find((one) => one.child === child);
      if (started) started.output = (started.output + chunk.toString()).slice(-OUTPUT_KEPT);
    };
    child.stdout!.on('data', keep);
    child.stderr!.on('data', keep);
    child.on('error', (error) => keep(Buffer.from(error.message)));
    return child;
  }

  async #ready(name: string, started: Started): Promise<void> {
    const { ready, within = '30s' } = started.spec;
    const deadlineMs = this.#clock.monotonic() + (parseDuration(within) ?? 0);
    const url = URL.canParse(ready) && ready.includes('//') ? new URL(ready) : new URL(`tcp://${ready}`);
    for (;;) {
      if (await answers(url)) return;
      const ended = started.child.exitCode !== null || started.child.pid === undefined;
      if (ended || this.#clock.monotonic() > deadlineMs) {
        const why = ended ? 'ended before it was ready' : `is not ready after ${within}`;
        throw new SpillwayError('SPILLWAY_LOAD_SCENARIO', `The process ${name} ${why}. It said:\n${started.output}`);
      }
      await this.#clock.sleep(LOOK_AGAIN_MS);
    }
  }

  #named(name: string): Started {
    const started = this.#started.get(name);
    if (!started)
      throw new SpillwayError(
        'SPILLWAY_LOAD_SCENARIO',
        `faults: there is no process '${name}'; only those under processes can be made to fail.`,
      );
    return started;
  }

  #stall(name: string, forMs: number, atMs: number): void {
    const { child } = this.#named(name);
    this.#mark(atMs, `${name} stands still`, signalGroup(child, 'SIGSTOP'));
    this.#clock.setTimer(() => this.#mark(atMs + forMs, `${name} goes on`, signalGroup(child, 'SIGCONT')), forMs);
  }

  #killChild(name: string, atMs: number): void {
    const { child } = this.#named(name);
    const pid = Number(
      execFileSync('pgrep', ['-P', String(child.pid)], { encoding: 'utf8' })
        .trim()
        .split('\n')[0],
    );
    process.kill(pid, 'SIGKILL');
    this.#mark(atMs, `a child of ${name} is killed`, true);
  }

  #mark(atMs: number, what: string, done: boolean): void {
    this.marks.push({ atMs: Math.round(atMs), what: done ? what : `${what}, but it was gone` });
  }
}

/** Signals a process and all it started; false when it is gone. */
function signalGroup({ pid }: ChildProcess, signal: NodeJS.Signals): boolean {
  try {
    return pid !== undefined && process.kill(-pid, signal);
  } catch {
    return false;
  }
}

function answers(url: URL): Promise<boolean> {
  if (url.protocol.startsWith('http'))
    return fetch(url).then(
      () => true,
      () => false,
    );
  return new Promise((resolve) => {
    const socket = connect(Number(url.port), url.hostname, () => (socket.destroy(), resolve(true)));
    socket.on('error', () => resolve(false));
  });
}
