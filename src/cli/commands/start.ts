import { once } from 'node:events';
import { Option, type Command } from 'commander';
import type { PolicyFlags } from '../../policy/index.ts';
import { httpUrl, portNumber, workerCount } from '../arguments.ts';
import type { CliContext } from '../context.ts';
import { loadPolicy } from '../load-policy.ts';
import type { Running, StartSpillway } from '../start-spillway.ts';

interface StartFlags extends PolicyFlags {
  readonly config?: string;
}

export function addStartCommand(program: Command, context: CliContext, startSpillway: StartSpillway): void {
  program
    .command('start')
    .summary('serve')
    .description('Serves until it is asked to stop (Ctrl-C, SIGTERM), then lets running requests finish.')
    .option('-c, --config <file>', 'config file (default: spillway.config.ts, .js, .mjs or .json here)')
    .option('--origin <url>', 'the service to stand before; without a config its own headers are obeyed', httpUrl)
    .option('-p, --port <n>', 'port of the site', portNumber)
    .option('--host <address>', 'address of the site; 0.0.0.0 or :: opens it to the network')
    .option('--admin-port <n>', 'port of metrics, health, dashboard and control', portNumber)
    .option('-w, --workers <n>', 'processes that serve: a number, or auto for one per core', workerCount)
    .addOption(
      new Option('--profile <name>', 'what stored answers may be shared: safe, or all that the RFC allows').choices([
        'safe',
        'rfc',
      ]),
    )
    .addHelpText(
      'after',
      `
Examples:
  $ spillway start --origin http://127.0.0.1:3000
  $ spillway start --config deploy/spillway.config.ts --workers auto
`,
    )
    .action(async ({ config, ...flags }: StartFlags) => {
      const { policy, loaded } = await loadPolicy(context, config, flags);
      const running = await startSpillway(policy, { configPath: loaded?.path, flags });
      greet(context, running, loaded?.file, policy.config.listen.host);
      if (!context.stop.aborted) await once(context.stop, 'abort');
      context.stderr.write('Stopping: running requests may finish.\n');
      await running.stop();
    });
}

function greet({ stdout, paint }: CliContext, { siteUrl, adminUrl }: Running, file: string | undefined, host: string): void {
  stdout.write(
    `${paint.good('✓')} ${paint.title('Spillway serves')} ${file === undefined ? `by the origin's headers` : `by ${file}`}\n`,
  );
  stdout.write(
    `    site   ${paint.link(siteUrl)}${isLoopback(host) ? paint.quiet('   this machine only; --host 0.0.0.0 opens it') : ''}\n`,
  );
  stdout.write(`    admin  ${paint.link(adminUrl)}\n`);
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}
