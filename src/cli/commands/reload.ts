import type { Command } from 'commander';
import { adminClient, type AdminOptions } from '../admin-client.ts';
import { httpUrl } from '../arguments.ts';
import type { CliContext } from '../context.ts';

export function addReloadCommand(program: Command, context: CliContext): void {
  program
    .command('reload')
    .summary('replace the workers, and read the config anew, without losing a request')
    .description(
      'Replaces the workers one by one, each when its successor serves, and returns when the last one is replaced. The new ones read the config file anew; when it is wrong, or a successor does not become ready, the old workers stay.',
    )
    .option('-c, --config <file>', 'config file, for the admin address and its token')
    .option('--admin <url>', 'address of the admin listener', httpUrl)
    .option('--token <token>', 'bearer token (default: SPILLWAY_TOKEN, then admin.token of the config)')
    .addHelpText('after', '\nExamples:\n  $ spillway reload\n  $ spillway reload --admin http://10.0.0.5:9901\n')
    .action(async (options: AdminOptions) => {
      const client = await adminClient(context, options);
      await client.post('/reload', {});
      context.stdout.write(`${context.paint.good('✓')} Reloaded: every worker is replaced.\n`);
    });
}
