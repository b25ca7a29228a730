import type { Command } from 'commander';
import type { Overview, WorkerRow } from '../../health/index.ts';
import { formatDuration, formatSize } from '../../kernel/index.ts';
import { adminClient, type AdminOptions } from '../admin-client.ts';
import { httpUrl } from '../arguments.ts';
import { columns } from '../columns.ts';
import type { CliContext } from '../context.ts';

interface StatusFlags extends AdminOptions {
  readonly json?: true;
}

export function addStatusCommand(program: Command, context: CliContext): void {
  program
    .command('status')
    .summary('how a running Spillway is')
    .description('Prints the verdict with its causes, the traffic, and every worker and endpoint.')
    .option('-c, --config <file>', 'config file, for the admin address and its token')
    .option('--admin <url>', 'address of the admin listener', httpUrl)
    .option('--token <token>', 'bearer token (default: SPILLWAY_TOKEN, then admin.token of the config)')
    .option('--json', 'print everything as JSON')
    .addHelpText('after', '\nExamples:\n  $ spillway status\n  $ spillway status --json --admin http://10.0.0.5:9901\n')
    .action(async ({ json, ...admin }: StatusFlags) => {
      const client = await adminClient(context, admin);
      const overview = (await client.get('/status')) as Overview;
      context.stdout.write(json ? `${JSON.stringify(overview, undefined, 2)}\n` : `${render(overview, context)}\n`);
    });
}

function render(overview: Overview, { paint }: CliContext): string {
  const { verdict, causes, traffic, latency, workers, endpoints, atMs } = overview;
  const word = verdict === 'healthy' ? paint.good(verdict) : paint.bad(verdict);
  const p95 = latency.p95Ms === null ? '' : `, p95 ${formatDuration(Math.max(1, latency.p95Ms))}`;
  return [
    `${word}: ${traffic.rate.toFixed(1)} requests/s${p95}, ${traffic.inFlight ?? 0} in flight, ${traffic.connections ?? 0} connections`,
    ...causes.map((cause) => `  ${cause.text}`),
    '',
    ...columns([['worker', 'pid', 'state', 'up', 'loop', 'memory'], ...workers.map((worker) => workerCells(worker, atMs))]),
    '',
    ...columns([['upstream', 'endpoint', ''], ...endpoints.map(({ upstream, endpoint, state }) => [upstream, endpoint, state])]),
  ].join('\n');
}

function workerCells({ name, pid, state, startedMs, loop, residentBytes }: WorkerRow, atMs: number): string[] {
  return [
    name,
    pid === null ? '' : String(pid),
    state,
    startedMs === null ? '' : formatDuration(Math.max(0, Math.round((atMs - startedMs) / 1000) * 1000)),
    loop === null ? '' : `${Math.round(loop * 100)} %`,
    residentBytes === null ? '' : formatSize(residentBytes),
  ];
}
