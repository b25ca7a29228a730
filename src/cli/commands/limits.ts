import type { Command } from 'commander';
import { formatDuration } from '../../kernel/index.ts';
import { adminClient, type AdminOptions } from '../admin-client.ts';
import { httpUrl } from '../arguments.ts';
import type { CliContext } from '../context.ts';

interface LimitsFlags extends AdminOptions {
  readonly route?: string;
  readonly json?: true;
}

/** What the admin listener tells of one limit of one key. */
interface LimitLine {
  readonly route: string;
  readonly policy: string;
  readonly limit: number;
  readonly remaining: number;
  readonly resetMs: number;
}

export function addLimitsCommand(program: Command, context: CliContext): void {
  const limits = program
    .command('limits')
    .summary("look at a client's quota, or reset it")
    .description(
      'Looks at what a client has left of its limits, or forgets what it has used.\n\nA key is what a limit counts by: an address, `user:<name>` or `key:<API key>`.',
    )
    .addHelpText(
      'after',
      `
Examples:
  $ spillway limits peek 203.0.113.9
  $ spillway limits peek user:42 --route '/api/**'
  $ spillway limits reset key:9f2c
`,
    );
  withAdmin(limits.command('peek').argument('<key>', 'whose quota').summary('show what is left'))
    .option('--json', 'print as JSON')
    .action(async (key: string, flags: LimitsFlags) => peek(context, key, flags));
  withAdmin(limits.command('reset').argument('<key>', 'whose quota').summary('forget what was used')).action(
    async (key: string, flags: LimitsFlags) => reset(context, key, flags),
  );
}

function withAdmin(command: Command): Command {
  return command
    .option('-r, --route <pattern>', 'only the limits of this route')
    .option('-c, --config <file>', 'config file, for the admin address and its token')
    .option('--admin <url>', 'address of the admin listener', httpUrl)
    .option('--token <token>', 'bearer token (default: SPILLWAY_TOKEN, then admin.token of the config)');
}

async function peek(context: CliContext, key: string, { route, json, ...admin }: LimitsFlags): Promise<void> {
  const client = await adminClient(context, admin);
  const { limits } = (await client.post('/limits/peek', { key, route })) as { limits: readonly LimitLine[] };
  const { stdout, paint } = context;
  if (json) return void stdout.write(`${JSON.stringify(limits, undefined, 2)}\n`);
  if (limits.length === 0) return void stdout.write('No limit counts this key.\n');
  for (const line of limits) {
    const left = `${line.remaining} of ${line.limit} left`;
    const whole = line.resetMs === 0 ? '' : `, whole again in ${formatDuration(line.resetMs)}`;
    stdout.write(`${line.route}  ${line.policy}  ${line.remaining > 0 ? paint.good(left) : paint.bad(left)}${whole}\n`);
  }
}

async function reset(context: CliContext, key: string, { route, ...admin }: LimitsFlags): Promise<void> {
  const client = await adminClient(context, admin);
  await client.post('/limits/reset', { key, route });
  context.stdout.write(`${context.paint.good('✓')} Reset: ${key}\n`);
}
