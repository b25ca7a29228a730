import type { z } from 'zod';
import type { Command } from 'commander';
import { EXIT_CODES } from '../../src/cli/exit-codes.ts';
import { createPaint } from '../../src/cli/paint.ts';
import { createProgram } from '../../src/cli/program.ts';
import { ERROR_CODES, runtimeFrom } from '../../src/kernel/index.ts';
import { BUILT_IN_CLASSES, CLASS_PURPOSE, configSchema } from '../../src/policy/index.ts';
import { metricsPage } from './metrics-page.ts';
import { optionsOf, type DocumentedOption } from './options.ts';
import { roomSchemas } from './room-schemas.ts';

/** The pages of docs/reference, made from the sources. */
export async function referencePages(): Promise<Record<string, string>> {
  return {
    'config.md': configPage(),
    'options.md': await optionsPage(),
    'errors.md': errorsPage(),
    'cli.md': cliPage(),
    'metrics.md': await metricsPage(MADE),
  };
}

const MADE = '<!-- Made by `npm run docs`; change the sources, not this page. -->';

function configPage(): string {
  const sections = Object.entries(configSchema.shape as Record<string, z.ZodType>);
  const shared = new Set(optionsOf(configSchema.shape.classes).map((option) => lastOf(option.path)));
  const parts = sections.map(([name, schema]) => {
    // What a route shares with its class is described once, with the classes.
    const options = optionsOf(schema, name).filter((option) => name !== 'routes' || !isShared(option, shared));
    const [self] = optionsOf(configSchema.pick({ [name]: true } as never));
    const extra = name === 'classes' ? `\n${classTable()}\n` : '';
    const note =
      name === 'routes' ? '\nA route may also have every option of a class (`classes.<name>.…`); its own goes first.\n' : '';
    return `## ${name}\n\n${describe(self!)}\n${extra}${note}${options.map((option) => `\n### \`${option.path}\`\n\n${describe(option)}\n`).join('')}`;
  });
  return `# The config file

${MADE}

\`spillway.config.ts\` exports one object; every section may be left out. Durations are texts such as \`'250ms'\`, \`'15m'\` or
\`'1h30m'\`, sizes such as \`'64mb'\`; a bare number has no unit and is refused, except 0. An unknown name is an error.
\`spillway explain GET /path\` shows which line decided what.

${parts.join('\n')}`;
}

function isShared(option: DocumentedOption, shared: ReadonlySet<string>): boolean {
  return option.path.startsWith('routes.<name>.') && shared.has(lastOf(option.path));
}

/** `classes.<name>.limit[].window` → `limit[].window` */
function lastOf(path: string): string {
  return path.replace(/^(?:\w+\.)?<name>\./, '');
}

function classTable(): string {
  const names = Object.keys(BUILT_IN_CLASSES) as (keyof typeof BUILT_IN_CLASSES)[];
  const keys = [
    'priority',
    'revalidate',
    'memoryTtl',
    'storeTtl',
    'grace',
    'forceAfter',
    'browserTtl',
    'cdnTtl',
    'cdnGrace',
  ] as const;
  const rows = [
    ...keys.map((key) => `| ${key} | ${names.map((name) => BUILT_IN_CLASSES[name][key]).join(' | ')} |`),
    `| slo.p95 | ${names.map((name) => BUILT_IN_CLASSES[name].slo.p95).join(' | ')} |`,
  ];
  const purposes = names.map((name) => `- \`${name}\`: ${CLASS_PURPOSE[name]}`);
  return `Six classes are built in. A class of the same name is merged over its built-in; one of a new name over \`normal\`.

${purposes.join('\n')}

| | ${names.join(' | ')} |
|---|${names.map(() => '---').join('|')}|
${rows.join('\n')}
`;
}

function describe(option: DocumentedOption): string {
  const facts = [capital(option.type)];
  if (option.default !== undefined) facts.push(`default \`${option.default}\``);
  if (option.isRequired) facts.push('required');
  return `${option.description === '' ? '' : `${option.description} `}${facts.join('; ')}.`;
}

function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}

async function optionsPage(): Promise<string> {
  const schemas = await roomSchemas();
  const parts = schemas.map(({ room, call, schema }) => {
    const options = optionsOf(schema).map(
      (option) => `\n### ${call.replace('(options)', '')} \`${option.path}\`\n\n${describe(option)}\n`,
    );
    return `## ${call}\n\nRoom: [${room}](../../src/${room}/README.md)\n${options.join('')}`;
  });
  return `# Options of each room

${MADE}

What the functions take that you call when you use a room by itself. Functions and stores that are handed in are described
where they are declared.

${parts.join('\n')}`;
}

function errorsPage(): string {
  const parts = Object.entries(ERROR_CODES).map(
    ([code, { retryable, means }]) =>
      `## ${code}\n\n${means} ${retryable ? 'The same call may succeed later.' : 'Trying again does not help.'}\n`,
  );
  return `# Error codes

${MADE}

A fault is a \`SpillwayError\` with a stable \`code\`, \`retryable\`, where it is known \`retryAfterMs\`, and its \`cause\`. A refusal
(a limit reached, a request shed) is no fault: it is an answer.

${parts.join('\n')}`;
}

function cliPage(): string {
  const program = createProgram(documentationContext());
  const parts = program.commands.map((command) => `## spillway ${command.name()}\n\n\`\`\`text\n${helpOf(command)}\n\`\`\`\n`);
  const rows = Object.entries(EXIT_CODES).map(([name, { code, means }]) => `| ${code} | ${name} | ${means} |`);
  return `# The command line

${MADE}

Results go to stdout, everything else to stderr. Colour and progress bars are for terminals; \`NO_COLOR\` and \`FORCE_COLOR\` are
obeyed. \`SPILLWAY_TOKEN\` holds the admin token.

${parts.join('\n')}
## Exit codes

| code | name | means |
|---|---|---|
${rows.join('\n')}
`;
}

function helpOf(command: Command): string {
  let text = '';
  command.configureOutput({ writeOut: (piece) => (text += piece), getOutHelpWidth: () => 100, getOutHasColors: () => false });
  command.outputHelp();
  return text.trimEnd();
}

export function documentationContext(): Parameters<typeof createProgram>[0] {
  const silent = { write: () => {}, drained: async () => {}, isTTY: false, columns: 100 };
  return {
    stdout: silent,
    stderr: silent,
    env: {},
    cwd: '/',
    runtime: runtimeFrom(),
    fetch,
    paint: createPaint(false),
    paintError: createPaint(false),
    stop: new AbortController().signal,
    startSpillway: () => Promise.reject(new Error('the reference starts nothing')),
    exit: 'ok',
  };
}
