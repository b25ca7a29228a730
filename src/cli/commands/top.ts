import type { Command } from 'commander';
import type { Change, HistorySlice, Overview } from '../../health/index.ts';
import { adminClient, type AdminClient, type AdminOptions } from '../admin-client.ts';
import { httpUrl } from '../arguments.ts';
import type { CliContext } from '../context.ts';

interface TopFlags extends AdminOptions {
  readonly once?: true;
  readonly json?: true;
}

const EVERY_MS = 1000;
const CURVES = ['http.rate', 'http.p95', 'loop.worst', 'memory.share'];
/** The other screen of the terminal, without a cursor, so that what was there before comes back at the end. */
const [ENTER_SCREEN, LEAVE_SCREEN, FROM_TOP, ERASE_BELOW] = [
  '\u001B[?1049h\u001B[?25l',
  '\u001B[?25h\u001B[?1049l',
  '\u001B[H',
  '\u001B[J',
];

export function addTopCommand(program: Command, context: CliContext): void {
  program
    .command('top')
    .summary('watch a running Spillway in the terminal')
    .description(
      'Shows what the dashboard shows, once a second: verdict, alerts, budgets, rates, path, classes, workers, changes.',
    )
    .option('--once', 'print one moment and end; so it is when the output is no terminal')
    .option('--json', 'print one moment as JSON and end')
    .option('-c, --config <file>', 'config file, for the admin address and its token')
    .option('--admin <url>', 'address of the admin listener', httpUrl)
    .option('--token <token>', 'bearer token (default: SPILLWAY_TOKEN, then admin.token of the config)')
    .addHelpText(
      'after',
      `
Examples:
  $ spillway top
  $ spillway top --once --admin http://10.0.0.5:9901 --token "$SPILLWAY_TOKEN"
  $ spillway top --json | jq .verdict
`,
    )
    .action(async (flags: TopFlags) => top(context, flags));
}

async function top(context: CliContext, { once, json, ...admin }: TopFlags): Promise<void> {
  const client = await adminClient(context, admin);
  const { stdout } = context;
  if (json) return void stdout.write(`${JSON.stringify(await client.get('/status'), undefined, 2)}\n`);
  if (once || !stdout.isTTY) return void stdout.write(`${await view(client, context)}\n`);
  stdout.write(ENTER_SCREEN);
  try {
    while (!context.stop.aborted) {
      const lines = (await view(client, context)).split('\n');
      stdout.write(`${FROM_TOP}${lines.map((line) => `${line}\u001B[K`).join('\n')}${ERASE_BELOW}`);
      await context.runtime.clock.sleep(EVERY_MS, context.stop).catch(() => undefined);
    }
  } finally {
    stdout.write(LEAVE_SCREEN);
  }
}

async function view(client: AdminClient, { stdout, paint }: CliContext): Promise<string> {
  const [overview, changes, history] = await Promise.all([
    client.get('/status') as Promise<Overview>,
    client.get('/api/timeline') as Promise<Change[]>,
    client.get(`/api/history?signals=${CURVES.join(',')}`) as Promise<HistorySlice>,
  ]);
  const { terminalView } = await import('../../health/index.ts');
  return terminalView({ overview, changes, curves: history.series }, stdout.columns || 100, paint);
}
