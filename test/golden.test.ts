/**
 * Compares what users see with files: each folder of `test/golden/<group>/` holds a config and the screen it gives.
 * `UPDATE_GOLDEN=1 npm test -- golden` writes the screens anew; read the difference before you commit it.
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { runInProcess } from './cli/run-cli.ts';

const root = join(import.meta.dirname, 'golden');

function cases(group: string): string[] {
  return readdirSync(join(root, group)).toSorted();
}

/** A case may say which arguments it is run with; otherwise it is `start`. */
function argumentsOf(folder: string, otherwise: string[]): string[] {
  const file = join(folder, 'arguments.json');
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as string[]) : otherwise;
}

function compare(folder: string, screen: string): void {
  const file = join(folder, 'screen.txt');
  // Paths of this machine are no part of what is compared.
  const text = screen.replaceAll(folder, '/project');
  if (process.env['UPDATE_GOLDEN']) writeFileSync(file, text);
  assert.equal(text, readFileSync(file, 'utf8'));
}

for (const name of cases('broken-config'))
  test(`a broken config gives one clear screen: ${name}`, async () => {
    const folder = join(root, 'broken-config', name);
    const { code, stdout, stderr } = await runInProcess(argumentsOf(folder, ['start']), { cwd: folder });
    assert.equal(stdout, '');
    assert.equal(code, 78);
    assert.doesNotMatch(stderr, /^\s+at /m, 'a stack trace');
    compare(folder, stderr);
  });

for (const name of cases('explain'))
  test(`explain: ${name}`, async () => {
    const folder = join(root, 'explain', name);
    const { code, stdout, stderr } = await runInProcess(argumentsOf(folder, []), { cwd: folder });
    assert.equal(stderr, '');
    assert.equal(code, 0);
    compare(folder, stdout);
  });
