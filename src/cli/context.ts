import type { Runtime } from '../kernel/index.ts';
import type { ExitName } from './exit-codes.ts';
import type { Paint } from './paint.ts';
import type { StartSpillway } from './start-spillway.ts';

/** Where text goes. A process's streams fulfil it, and so does a test's buffer. */
export interface Output {
  write(text: string): unknown;
  /** Resolves when enough of what was written has left, for commands that write without end. */
  drained(): Promise<void>;
  readonly isTTY: boolean;
  readonly columns: number;
}

/** Everything a command touches outside itself, so that tests run commands in process. */
export interface CliContext {
  /** Results. Nothing else goes here, so it can be piped. */
  readonly stdout: Output;
  /** Problems, progress and hints. */
  readonly stderr: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly runtime: Runtime;
  readonly fetch: typeof fetch;
  /** Colours for stdout: plain text unless it is a terminal that wants them. */
  readonly paint: Paint;
  /** Colours for stderr. */
  readonly paintError: Paint;
  /** Aborts when the process is asked to stop (SIGINT, SIGTERM). */
  readonly stop: AbortSignal;
  /** Serves; absent in a build of the command line alone. */
  readonly startSpillway?: StartSpillway;
  /** How the process will end. A command that does not set it ends with `ok`. */
  exit: ExitName;
}
