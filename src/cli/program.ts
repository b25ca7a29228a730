import { Command, CommanderError } from 'commander';
import { ConfigError, messageOf, packageVersion, SpillwayError } from '../kernel/index.ts';
import { addDoctorCommand } from './commands/doctor.ts';
import { addExplainCommand } from './commands/explain.ts';
import { addLimitsCommand } from './commands/limits.ts';
import { addLoadCommand } from './commands/load.ts';
import { addPurgeCommand } from './commands/purge.ts';
import { addReloadCommand } from './commands/reload.ts';
import { addRoutesCommand } from './commands/routes.ts';
import { addSimulateCommand } from './commands/simulate.ts';
import { addStartCommand } from './commands/start.ts';
import { addTopCommand } from './commands/top.ts';
import { addScaleCommand } from './commands/scale.ts';
import { addStatusCommand } from './commands/status.ts';
import { addWarmCommand } from './commands/warm.ts';
import type { CliContext } from './context.ts';
import { EXIT_CODES, exitOfError } from './exit-codes.ts';
import { renderProblems } from './problems.ts';

/** The whole command line, one file a command under `commands/`. */
export function createProgram(context: CliContext): Command {
  const program = new Command('spillway')
    .description('The scaling layer for Node.js services: cache, limit, shed and balance by one policy.')
    .version(packageVersion(), '-v, --version', 'print the version')
    .helpOption('-h, --help', 'show help')
    .helpCommand('help [command]', 'show help for a command')
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => context.stdout.write(text),
      writeErr: (text) => context.stderr.write(text),
      getOutHelpWidth: () => context.stdout.columns,
      getErrHelpWidth: () => context.stderr.columns,
      getOutHasColors: () => context.paint.on,
      getErrHasColors: () => context.paintError.on,
      outputError: (text, write) => write(context.paintError.bad(text.replace(/^error: /, ''))),
    })
    .configureHelp({ styleTitle: (text) => context.paint.title(text), showGlobalOptions: false });
  if (context.startSpillway) addStartCommand(program, context, context.startSpillway);
  addExplainCommand(program, context);
  addRoutesCommand(program, context);
  addPurgeCommand(program, context);
  addWarmCommand(program, context);
  addLimitsCommand(program, context);
  addLoadCommand(program, context);
  addTopCommand(program, context);
  addSimulateCommand(program, context);
  addStatusCommand(program, context);
  addReloadCommand(program, context);
  addScaleCommand(program, context);
  addDoctorCommand(program, context);
  return program.addHelpText(
    'after',
    `
Examples:
  $ spillway start --origin http://127.0.0.1:3000    stand before a running service, without a config
  $ spillway start                                   serve by ./spillway.config.ts
  $ spillway explain GET /pricing                    what every layer does with a request, and why
  $ spillway doctor                                  check the config and what it depends on
`,
  );
}

/**
 * Runs the command line and returns the process's exit code. A user's mistake is told in a sentence; only a defect of
 * ours shows a stack.
 * @param args without the program's and the script's name.
 */
export async function runCli(args: readonly string[], context: CliContext): Promise<number> {
  try {
    await createProgram(context).parseAsync(args, { from: 'user' });
  } catch (error) {
    report(error, context);
  }
  return EXIT_CODES[context.exit].code;
}

function report(error: unknown, context: CliContext): void {
  const { stderr, paintError: paint } = context;
  if (error instanceof CommanderError) {
    // commander has written its message already; help and version end well.
    context.exit = error.exitCode === 0 ? 'ok' : 'usage';
  } else if (error instanceof ConfigError) {
    context.exit = 'config';
    stderr.write(renderProblems(error, context));
  } else if (error instanceof SpillwayError) {
    context.exit = exitOfError(error.code);
    stderr.write(`${paint.bad('✗')} ${error.message}\n`);
  } else if (isListenError(error)) {
    context.exit = 'portInUse';
    stderr.write(`${paint.bad('✗')} ${listenSentence(error)}\n`);
  } else if (context.stop.aborted) {
    context.exit = 'interrupted';
  } else {
    context.exit = 'internal';
    const trace = error instanceof Error ? error.stack : messageOf(error);
    stderr.write(`${paint.bad('✗')} This is a defect in Spillway, please report it:\n${trace}\n`);
  }
}

interface ListenError {
  readonly code: string;
  readonly address?: string;
  readonly port?: number;
}

function isListenError(error: unknown): error is ListenError {
  const code = (error as { code?: unknown } | undefined)?.code;
  return code === 'EADDRINUSE' || code === 'EACCES' || code === 'EADDRNOTAVAIL';
}

function listenSentence({ code, address, port }: ListenError): string {
  if (code === 'EADDRINUSE')
    return `Port ${port} is taken. Stop what listens there, or choose another with --port or --admin-port.`;
  if (code === 'EACCES') return `Port ${port} may not be used by this user. Choose one above 1023.`;
  return `This machine has no address ${address}. Correct listen.host or admin.host.`;
}
