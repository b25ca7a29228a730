import { createReadStream } from 'node:fs';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { createGunzip } from 'node:zlib';
import type { Command } from 'commander';
import { formatSize } from '../../kernel/index.ts';
import { simulateLog, type SimulationReport } from '../../page/index.ts';
import { httpUrl, sizeInBytes } from '../arguments.ts';
import { columns } from '../columns.ts';
import type { CliContext } from '../context.ts';
import { loadPolicy } from '../load-policy.ts';

interface SimulateFlags {
  readonly log: string;
  readonly config?: string;
  readonly origin?: string;
  readonly memory?: number;
  readonly json?: true;
}

export function addSimulateCommand(program: Command, context: CliContext): void {
  program
    .command('simulate')
    .summary('what the policy would do with recorded traffic')
    .description(
      'Replays an access log (common or combined format, also .gz) through the policy, at the log’s own time: hit ratio by class, load on the origin, memory, and what other intervals would do.',
    )
    .requiredOption('--log <file>', 'access log of nginx, Apache or a load balancer')
    .option('-c, --config <file>', 'config file')
    .option('--origin <url>', 'as for start', httpUrl)
    .option('--memory <size>', 'memory for pages (default: 128mb)', sizeInBytes)
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ spillway simulate --log /var/log/nginx/access.log.1.gz
  $ spillway simulate --log access.log --memory 64mb --json
`,
    )
    .action(async (flags: SimulateFlags) => simulate(context, flags));
}

async function simulate(context: CliContext, { log, config, origin, memory, json }: SimulateFlags): Promise<void> {
  const { policy } = await loadPolicy(context, config, origin === undefined ? {} : { origin });
  const report = await simulateLog(linesOf(resolve(context.cwd, log)), {
    match: (method, path) => policy.match(method, path),
    ...(memory === undefined ? {} : { maxBytes: memory }),
  });
  context.stdout.write(json ? `${JSON.stringify(report, undefined, 2)}\n` : render(report, context));
}

function linesOf(file: string): AsyncIterable<string> {
  const bytes = createReadStream(file, { highWaterMark: 1024 * 1024 });
  const input = file.endsWith('.gz') ? bytes.pipe(createGunzip()) : bytes;
  bytes.on('error', (error) => input.destroy(error));
  return createInterface({ input, crlfDelay: Infinity });
}

function render(report: SimulationReport, { paint }: CliContext): string {
  const { requests, unread, unmatched, classes, alternatives } = report;
  if (requests === 0) return paint.warning('The log has no line in the common or combined format.\n');
  const hours = (report.toMs - report.fromMs) / 3_600_000;
  const span = hours < 48 ? `${hours.toFixed(1)} h` : `${(hours / 24).toFixed(1)} d`;
  const lines = [
    paint.title(`${requests.toLocaleString('en')} requests over ${span}`),
    '',
    ...columns([
      ['class', 'requests', 'hits', 'stale', 'misses', 'passed', 'hit ratio'],
      ...classes.map((one) => [
        one.className,
        ...[one.requests, one.hits, one.stale, one.misses, one.passed].map((count) => count.toLocaleString('en')),
        percent(one.hitRatio),
      ]),
    ]).map((line) => `  ${line}`),
    '',
    `  hit ratio       ${percent(report.hitRatio)}`,
    `  origin          ${report.originRequests.toLocaleString('en')} requests, busiest minute ${report.originPeakPerSecond.toFixed(1)} a second`,
    `  regenerations   ${report.regenerations.toLocaleString('en')}`,
    `  pages           ${report.pages.toLocaleString('en')}, at most ${formatSize(report.peakBytes)}, ${report.evicted.toLocaleString('en')} dropped for memory`,
    '',
    ...alternatives.map(
      ({ factor, hitRatio, originRequests }) =>
        `  revalidate × ${String(factor).padEnd(4)} ${percent(hitRatio)} hits, ${originRequests.toLocaleString('en')} origin requests`,
    ),
  ];
  if (unmatched > 0) lines.push(paint.quiet(`  ${unmatched.toLocaleString('en')} requests match no route`));
  if (unread > 0) lines.push(paint.quiet(`  ${unread.toLocaleString('en')} lines are no requests`));
  return `${lines.join('\n')}\n`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
