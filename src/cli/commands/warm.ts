import type { Command } from 'commander';
import { urlOf } from '../admin-client.ts';
import { httpUrl, wholeNumber } from '../arguments.ts';
import type { CliContext } from '../context.ts';
import { loadPolicy } from '../load-policy.ts';
import { createProgress } from '../progress.ts';
import { loadRoutePlan } from '../route-plan.ts';
import { warmPaths, type WarmReport } from '../warm-paths.ts';
import { readPaths } from '../path-source.ts';

interface WarmFlags {
  readonly config?: string;
  readonly site?: string;
  readonly from?: string;
  readonly limit: number;
  readonly concurrency: number;
  readonly json?: true;
}

export function addWarmCommand(program: Command, context: CliContext): void {
  program
    .command('warm')
    .summary('fill the cache before visitors come')
    .description(
      'Asks the site for pages, most deserving first, so that they are stored: those of the routePlan, or those of a list.',
    )
    .option('--from <list>', 'a file with a path a line, or a sitemap (file or address)')
    .option('-l, --limit <n>', 'most pages to ask for', wholeNumber(1), 1000)
    .option('--concurrency <n>', 'requests at a time', wholeNumber(1, 256), 8)
    .option('--site <url>', 'address of the site (default: where the config listens)', httpUrl)
    .option('-c, --config <file>', 'config file')
    .option('--json', 'print the outcome as JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ spillway warm --limit 200
  $ spillway warm --from https://example.com/sitemap.xml --concurrency 4
`,
    )
    .action(async (flags: WarmFlags) => warm(context, flags));
}

async function warm(context: CliContext, { config, site, from, limit, concurrency, json }: WarmFlags): Promise<void> {
  const { paths, siteUrl } = await listOf(context, config, site, from, limit);
  const progress = createProgress(context, 'warm');
  const report = await warmPaths(context, { paths, siteUrl, limit, concurrency }, (soFar) =>
    progress.update(soFar.done, soFar.total, soFar.failed > 0 ? `${soFar.failed} failed` : ''),
  );
  progress.end();
  context.stdout.write(json ? `${JSON.stringify(report, undefined, 2)}\n` : render(report, context));
  if (report.failed > 0) context.exit = 'failed';
  if (context.stop.aborted) context.exit = 'interrupted';
}

interface WarmList {
  readonly paths: AsyncIterable<string> | readonly string[];
  readonly siteUrl: string;
}

async function listOf(
  context: CliContext,
  config: string | undefined,
  site: string | undefined,
  from: string | undefined,
  limit: number,
): Promise<WarmList> {
  if (from !== undefined && site !== undefined) return { paths: readPaths(context, from), siteUrl: site };
  if (from !== undefined) {
    const { listen } = (await loadPolicy(context, config)).policy.config;
    return { paths: readPaths(context, from), siteUrl: urlOf(listen.host, listen.port) };
  }
  const { plan, policy } = await loadRoutePlan(context, config);
  const { host, port } = policy.config.listen;
  const routes = await plan.warmList({ limit });
  return { paths: routes.map((route) => route.path), siteUrl: site ?? urlOf(host, port) };
}

function render({ done, hits, stored, failed, failures }: WarmReport, { paint }: CliContext): string {
  const mark = failed === 0 ? paint.good('✓') : paint.warning('!');
  const lines = [`${mark} ${done} pages asked for: ${stored} new, ${hits} stored already, ${failed} failed`];
  for (const { path, reason } of failures) lines.push(`    ${path}  ${paint.bad(reason)}`);
  if (failed > failures.length) lines.push(paint.quiet(`    and ${failed - failures.length} more`));
  return `${lines.join('\n')}\n`;
}
