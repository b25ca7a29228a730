/** Holds the docs to the sources: what is described exists, what exists is described, and code in them compiles. */
import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { test } from 'node:test';
import { createProgram } from '../src/cli/program.ts';
import { configSchema, PRIORITIES } from '../src/policy/index.ts';
import { codeBlocks, compile, type CodeBlock } from './docs/code-blocks.ts';
import { optionsOf } from './docs/options.ts';
import { documentationContext, referencePages } from './docs/pages.ts';
import { roomSchemas } from './docs/room-schemas.ts';

const root = resolve(import.meta.dirname, '..');
const pages = globSync(['*.md', 'docs/**/*.md', 'src/*/README.md'], { cwd: root }).toSorted();
// What a room's README shows is a sketch for its builders; README.md and docs/ are for users.
const blocks = pages.filter((page) => !page.startsWith('src/')).flatMap(codeBlocks);

test('the reference is what the sources say', async () => {
  for (const [name, text] of Object.entries(await referencePages())) {
    const file = join(root, 'docs/reference', name);
    assert.ok(existsSync(file), `docs/reference/${name} is missing: run npm run docs`);
    assert.equal(readFileSync(file, 'utf8'), text, `docs/reference/${name} is out of date: run npm run docs`);
  }
  const made = Object.keys(await referencePages()).toSorted();
  assert.deepEqual(globSync('*.md', { cwd: join(root, 'docs/reference') }).toSorted(), made, 'a page that nobody makes');
});

test('every option has a sentence', async () => {
  const rooms = (await roomSchemas()).flatMap(({ call, schema }) =>
    optionsOf(schema).map((option) => ({ ...option, path: `${call} ${option.path}` })),
  );
  // An object with a member per priority says in one sentence what they mean.
  const isPriority = (path: string): boolean => PRIORITIES.some((priority) => path.endsWith(`.${priority}`));
  const undescribed = [...optionsOf(configSchema), ...rooms].filter(
    (option) => !option.description.endsWith('.') && !isPriority(option.path),
  );
  assert.deepEqual(
    undescribed.map((option) => `${option.path}: ${option.description}`),
    [],
  );
});

test('TypeScript in the docs compiles', () => {
  assert.deepEqual(compile(blocks.filter((block) => block.language === 'ts')), []);
});

test('command lines in the docs are ones that spillway understands', () => {
  const wrong = blocks
    .filter((block) => block.language === 'sh')
    .flatMap(commandLines)
    .filter(({ words }) => !isUnderstood(words));
  assert.deepEqual(
    wrong.map(({ place, words }) => `${place}: spillway ${words.join(' ')}`),
    [],
  );
});

function commandLines({ file, line, text }: CodeBlock): { place: string; words: string[] }[] {
  return text.split('\n').flatMap((command, at) => {
    const [, rest] = /^(?:npx |npm run )?spillway (?:-- )?([^#|>]*)/.exec(command.trim()) ?? [];
    return rest === undefined ? [] : [{ place: `${file}:${line + at}`, words: rest.trim().split(/\s+/) }];
  });
}

function isUnderstood([name, ...words]: readonly string[]): boolean {
  if (name!.startsWith('-')) return true;
  const command = createProgram(documentationContext()).commands.find((one) => one.name() === name);
  const flags = words.filter((word) => word.startsWith('-')).map((word) => word.split('=')[0]);
  return (
    command !== undefined &&
    flags.every((flag) => command.options.some((option) => option.short === flag || option.long === flag))
  );
}

test('links in the docs lead somewhere', () => {
  const broken = pages.flatMap((page) => {
    const markdown = readFileSync(join(root, page), 'utf8').replaceAll(/^```[\s\S]*?^```$/gm, '');
    return [...markdown.matchAll(/\]\((?!https?:|mailto:|#)([^)#\s]+)(?:#[^)]*)?\)/g)]
      .map((match) => match[1]!)
      .filter((target) => !existsSync(join(root, dirname(page), target)))
      .map((target) => `${page}: ${target}`);
  });
  assert.deepEqual(broken, []);
});

test('the checks of this file can fail', () => {
  const block = (text: string): CodeBlock => ({ file: 'x.md', line: 10, language: 'ts', text });
  const config = `import { defineConfig } from 'spillway';\nexport default defineConfig({ liste: {} });`;
  assert.match(
    compile([block('const a: number = 1;'), block(config)]).join('\n'),
    /^x\.md:11: error TS2561: .*'liste' does not exist/,
  );
  assert.ok(!isUnderstood(['strat']) && !isUnderstood(['start', '--prot']) && isUnderstood(['start', '--port', '1']));
});
