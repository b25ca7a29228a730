import type { Command } from 'commander';
import { adminClient, type AdminOptions } from '../admin-client.ts';
import { httpUrl, wholeNumber } from '../arguments.ts';
import type { CliContext } from '../context.ts';

export function addScaleCommand(program: Command, context: CliContext): void {
  program
    .command('scale')
    .summary('serve with more or fewer workers')
    .description(
      'Serves with so many worker processes from now on. Returns when new ones are ready, or when those taken away have finished their requests.',
    )
    .argument('<workers>', 'how many', wholeNumber(1, 256))
    .option('-c, --config <file>', 'config file, for the admin address and its token')
    .option('--admin <url>', 'address of the admin listener', httpUrl)
    .option('--token <token>', 'bearer token (default: SPILLWAY_TOKEN, then admin.token of the config)')
    .addHelpText('after', '\nExamples:\n  $ spillway scale 4\n')
    .action(async (workers: number, options: AdminOptions) => {
      const client = await adminClient(context, options);
      await client.post('/scale', { workers });
      context.stdout.write(`${context.paint.good('✓')} Serving with ${workers} ${workers === 1 ? 'worker' : 'workers'}.\n`);
    });
}
