import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { Option, type Command } from 'commander';
import { SpillwayError } from '../../kernel/index.ts';
import { httpUrl, wholeNumber } from '../arguments.ts';
import { columns } from '../columns.ts';
import type { RoutePlan } from '../../policy/index.ts';
import type { CliContext } from '../context.ts';
import { urlOf } from '../admin-client.ts';
import { createProgress } from '../progress.ts';
import { loadRoutePlan } from '../route-plan.ts';

interface RoutesFlags {
  readonly config?: string;
  readonly format: 'table' | 'json' | 'sitemap' | 'paths';
  readonly limit?: number;
  readonly site?: string;
  readonly out?: string;
}

export function addRoutesCommand(program: Command, context: CliContext): void {
  program
    .command('routes')
    .summary('the plan of all pages')
    .description(`Prints the plan that the config's routePlan gives, as a stream: a million routes take no more memory than ten.`)
    .option('-c, --config <file>', 'config file')
    .addOption(
      new Option('-f, --format <name>', 'how to print it').choices(['table', 'json', 'sitemap', 'paths']).default('table'),
    )
    .option('-l, --limit <n>', 'print only the first n (table, json and paths)', wholeNumber(1))
    .option('-o, --out <folder>', 'write the files of the sitemap there; without it the first goes to stdout')
    .option('--site <url>', 'address of the site, for the sitemap (default: where the config listens)', httpUrl)
    .addHelpText(
      'after',
      `
Examples:
  $ spillway routes --limit 20
  $ spillway routes --format paths | wc -l
  $ spillway routes --format sitemap --site https://example.com --out public
`,
    )
    .action(async ({ config, format, limit, site, out }: RoutesFlags) => {
      if (out !== undefined && format !== 'sitemap')
        throw new SpillwayError('SPILLWAY_USAGE', '--out goes with --format sitemap.');
      const { plan, policy } = await loadRoutePlan(context, config);
      const { host, port } = policy.config.listen;
      const baseUrl = site ?? urlOf(host, port);
      if (out === undefined) await writeAll(context, piecesOf(plan, format, limit, baseUrl));
      else await writeSitemap(context, plan, baseUrl, resolve(context.cwd, out));
    });
}

function piecesOf(plan: RoutePlan, format: RoutesFlags['format'], limit = Infinity, baseUrl: string): AsyncIterable<string> {
  if (format === 'paths') return pathLines(plan, limit);
  if (format === 'sitemap') return sitemap(plan, baseUrl);
  if (format === 'json') return limit === Infinity ? plan.json() : limitedJson(plan, limit);
  return table(plan, limit);
}

async function writeAll(context: CliContext, pieces: AsyncIterable<string>): Promise<void> {
  // Where the result itself scrolls by on the terminal, a bar would only be in its way.
  const progress = context.stdout.isTTY ? undefined : createProgress(context, 'routes');
  let done = 0;
  let buffer = '';
  for await (const piece of pieces) {
    buffer += piece;
    done++;
    if (buffer.length < 65_536) continue;
    context.stdout.write(buffer);
    buffer = '';
    await context.stdout.drained();
    progress?.update(done);
  }
  progress?.end();
  context.stdout.write(buffer);
}

async function* take<T>(items: AsyncIterable<T>, limit: number): AsyncGenerator<T> {
  let left = limit;
  for await (const item of items) {
    yield item;
    if (--left === 0) return;
  }
}

async function* pathLines(plan: RoutePlan, limit: number): AsyncGenerator<string> {
  for await (const { path } of take(plan, limit)) yield `${path}\n`;
}

async function* limitedJson(plan: RoutePlan, limit: number): AsyncGenerator<string> {
  let before = '[\n';
  for await (const row of take(plan.rows(), limit)) {
    yield `${before}${JSON.stringify(row)}`;
    before = ',\n';
  }
  yield before === '[\n' ? '[]\n' : '\n]\n';
}

const INDEX = 'sitemap.xml';

/** The only file of URLs, without the index that would name it. */
async function* sitemap(plan: RoutePlan, baseUrl: string): AsyncGenerator<string> {
  let files = 0;
  for await (const { name, text } of plan.sitemap({ baseUrl })) {
    if (name === INDEX) continue;
    if (++files === 2)
      throw new SpillwayError('SPILLWAY_USAGE', 'The sitemap has several files: say where to write them with --out <folder>.');
    yield* text;
  }
}

async function writeSitemap(context: CliContext, plan: RoutePlan, baseUrl: string, folder: string): Promise<void> {
  const progress = createProgress(context, 'sitemap files');
  await mkdir(folder, { recursive: true });
  let files = 0;
  for await (const { name, text } of plan.sitemap({ baseUrl })) {
    await pipeline(text, createWriteStream(join(folder, name)));
    progress.update(++files);
  }
  progress.end();
  context.stdout.write(`${context.paint.good('✓')} ${files} files in ${folder}\n`);
}

/** Aligned block by block, so that a plan of any length streams. */
async function* table(plan: RoutePlan, limit: number): AsyncGenerator<string> {
  const BLOCK = 200;
  let rows: string[][] = [];
  let isFirst = true;
  for await (const row of take(plan.rows(), limit)) {
    if (isFirst) rows.push(Object.keys(row));
    isFirst = false;
    rows.push(Object.values(row).map(String));
    if (rows.length <= BLOCK) continue;
    yield `${columns(rows).join('\n')}\n`;
    rows = [];
  }
  if (rows.length > 0) yield `${columns(rows).join('\n')}\n`;
}
