import type { Command } from 'commander';
import { SpillwayError } from '../../kernel/index.ts';
import type { Explanation, ExplainSection, Provenance } from '../../policy/index.ts';
import { httpUrl } from '../arguments.ts';
import { columns } from '../columns.ts';
import type { CliContext } from '../context.ts';
import { loadPolicy } from '../load-policy.ts';

interface ExplainFlags {
  readonly config?: string;
  readonly origin?: string;
  readonly json?: true;
}

export function addExplainCommand(program: Command, context: CliContext): void {
  program
    .command('explain')
    .summary('what every layer does with a request, and why')
    .description('Shows every decision about one URL, and the line of the config that made it. Nothing is sent.')
    .argument('<method>', 'GET, POST, …')
    .argument('<url>', 'a path such as /pricing?currency=eur, or a whole address')
    .option('-c, --config <file>', 'config file')
    .option('--origin <url>', 'as for start', httpUrl)
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ spillway explain GET /electricity-plans/dallas
  $ spillway explain POST /api/login --json
`,
    )
    .action(async (method: string, url: string, { config, origin, json }: ExplainFlags) => {
      const { policy } = await loadPolicy(context, config, origin === undefined ? {} : { origin });
      const { parseTarget } = await import('../../gateway/index.ts');
      const target = parseTarget(url);
      if (!target.ok) throw new SpillwayError('SPILLWAY_USAGE', `The gateway refuses such a request with 400: ${target.reason}.`);
      const explanation = policy.explain(method, target.query === '' ? target.path : `${target.path}?${target.query}`);
      context.stdout.write(json ? `${JSON.stringify(explanation, undefined, 2)}\n` : renderExplanation(explanation, context));
    });
}

function renderExplanation(explanation: Explanation, context: CliContext): string {
  const { paint } = context;
  const { method, path, query, route, hint } = explanation;
  const head = `${paint.title(`${method} ${path}${query === '' ? '' : `?${query}`}`)}\n`;
  if (route === undefined)
    return `${head}\n  ${paint.warning('No route matches: it is answered 404.')}\n  ${paint.quiet(hint ?? '')}\n`;
  return head + renderSections(explanation.sections, context);
}

/** All sections share their columns, so that the eye runs down the names, the values and who decided them. */
function renderSections(sections: readonly ExplainSection[], { paint }: CliContext): string {
  const lines = sections.flatMap((section) => section.lines);
  const table = columns(lines.map(({ name, value, provenance }) => [name, value, provenance ? sourceOf(provenance) : '']));
  const nameWidth = Math.max(...lines.map(({ name }) => name.length)) + 2;
  let at = 0;
  let text = '';
  for (const { layer, title, lines: own } of sections) {
    text += `\n${paint.name(layer)} ${paint.quiet(`· ${title}`)}\n`;
    for (const { value, provenance } of own) {
      const line = table[at++]!.trimEnd();
      const source = provenance ? sourceOf(provenance) : '';
      const name = line.slice(0, nameWidth);
      const rest = line.slice(nameWidth, source === '' ? undefined : line.length - source.length);
      text += `  ${name}${rest === value ? value : rest}${paint.quiet(source)}\n`;
    }
  }
  return text;
}

/** `spillway.config.ts:10  class critical`, `built-in critical.grace` or `--port`. */
function sourceOf({ by, path, file, line }: Provenance): string {
  if (by === 'built-in') return `built-in ${path}`;
  if (by === 'flag' || file === undefined) return path;
  const place = line === undefined ? file : `${file}:${line}`;
  const [section, name] = path.split('.');
  return `${place}  ${by === 'route' ? 'route' : by === 'class' ? `class ${name}` : `${section}.${name}`}`;
}
