import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const VERSION = '0.4.5';
const home = join(import.meta.dirname, '../../../node_modules/.cache/spillway/http-cache-tests');

/**
 * The folder of the package `http-cache-tests`, installed on first use into a place of its own: among its dependencies
 * is an old npm, whose command must not come before the real one.
 */
export function installedSuite(): string {
  const folder = join(home, VERSION, 'node_modules/http-cache-tests');
  if (existsSync(join(folder, 'package.json'))) return folder;
  mkdirSync(join(home, VERSION), { recursive: true });
  writeFileSync(join(home, VERSION, 'package.json'), '{ "private": true }\n');
  execFileSync('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', `http-cache-tests@${VERSION}`], {
    cwd: join(home, VERSION),
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return folder;
}
