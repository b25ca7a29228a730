import type { Command } from 'commander';
import { SpillwayError } from '../../kernel/index.ts';
import { adminClient, type AdminOptions } from '../admin-client.ts';
import { collect, httpUrl } from '../arguments.ts';
import type { CliContext } from '../context.ts';

interface PurgeFlags extends AdminOptions {
  readonly tag?: string[];
  readonly path?: string[];
  readonly all?: boolean;
  readonly soft?: boolean;
  readonly json?: true;
}

export function addPurgeCommand(program: Command, context: CliContext): void {
  program
    .command('purge')
    .summary('remove stored answers')
    .description('Removes stored answers on every instance: by tag, by path, or all of them.')
    .option('-t, --tag <name>', 'answers with this tag; may be repeated', collect)
    .option('-p, --path <path>', 'answers of this path; may be repeated', collect)
    .option('--all', 'everything')
    .option('--soft', 'only mark them stale: they serve on while new ones are made')
    .option('-c, --config <file>', 'config file, for the admin address and its token')
    .option('--admin <url>', 'address of the admin listener', httpUrl)
    .option('--token <token>', 'bearer token (default: SPILLWAY_TOKEN, then admin.token of the config)')
    .option('--json', 'print the receipt as JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ spillway purge --tag city:dallas --soft
  $ spillway purge --path /electricity-plans/dallas --path /
  $ spillway purge --all --admin http://10.0.0.5:9901 --token "$SPILLWAY_TOKEN"
`,
    )
    .action(async (flags: PurgeFlags) => purge(context, flags));
}

async function purge(
  context: CliContext,
  { tag = [], path = [], all = false, soft = false, json, ...admin }: PurgeFlags,
): Promise<void> {
  if (tag.length + path.length === 0 && !all)
    throw new SpillwayError('SPILLWAY_USAGE', 'Say what to purge: --tag, --path or --all. See spillway purge --help.');
  const client = await adminClient(context, admin);
  const receipt = await client.post('/purge', { tags: tag, paths: path, all, soft });
  const what = all ? 'everything' : [...tag.map((name) => `tag ${name}`), ...path].join(', ');
  const { stdout, paint } = context;
  stdout.write(
    json ? `${JSON.stringify(receipt, undefined, 2)}\n` : `${paint.good('✓')} ${soft ? 'Marked stale' : 'Purged'}: ${what}\n`,
  );
}
