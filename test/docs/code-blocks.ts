import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '../..');
/** Inside the repository, so that `spillway/cache` in a block is this package's cache. */
const folder = join(root, 'test/docs/.work');

export interface CodeBlock {
  /** Relative to the repository. */
  readonly file: string;
  /** Of the block's first line, 1-based. */
  readonly line: number;
  readonly language: string;
  readonly text: string;
}

export function codeBlocks(file: string): CodeBlock[] {
  const blocks: CodeBlock[] = [];
  const markdown = readFileSync(join(root, file), 'utf8');
  for (const match of markdown.matchAll(/^```(\w+)[^\n]*\n([\s\S]*?)^```$/gm)) {
    const line = markdown.slice(0, match.index).split('\n').length + 1;
    blocks.push({ file, line, language: match[1]!, text: match[2]! });
  }
  return blocks;
}

/** What tsc says of the blocks, each a module by itself, with the places in the Markdown. */
export function compile(blocks: readonly CodeBlock[]): string[] {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  try {
    for (const [index, { text }] of blocks.entries()) writeFileSync(join(folder, `block-${index}.ts`), `${text}\nexport {};\n`);
    writeFileSync(
      join(folder, 'tsconfig.json'),
      JSON.stringify({
        extends: '../../../tsconfig.json',
        compilerOptions: { noUnusedLocals: false, noUnusedParameters: false },
        include: ['*.ts'],
        exclude: [],
      }),
    );
    const { stdout } = spawnSync(
      process.execPath,
      [join(root, 'node_modules/typescript/bin/tsc'), '-p', folder, '--pretty', 'false'],
      {
        cwd: folder,
        encoding: 'utf8',
      },
    );
    return stdout
      .split('\n')
      .filter((line) => /error TS/.test(line))
      .map((line) =>
        line.replace(/^block-(\d+)\.ts\((\d+),\d+\)/, (_, index: string, at: string) =>
          placeOf(blocks[Number(index)]!, Number(at)),
        ),
      );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function placeOf({ file, line }: CodeBlock, at: number): string {
  return `${file}:${line + at - 1}`;
}
