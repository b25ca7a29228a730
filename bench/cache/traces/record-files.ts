import { callsOf } from './system-calls.ts';

/** A working day on this repository: checks and tests, again and again. */
const DAY = [
  ['npx', 'tsc', '-p', 'tsconfig.json'],
  ['npx', 'oxlint', '--deny-warnings'],
  ['npm', 'test', '--', 'src/kernel', 'src/policy'],
  ['npx', 'tsc', '-p', 'tsconfig.json'],
  ['npm', 'test', '--', 'src/cache/cache', 'src/cache/tags', 'src/breaker'],
  ['npm', 'run', 'docs'],
  ['npm', 'test', '--', 'src/limit'],
  ['npx', 'oxfmt', '--check', 'src'],
  ['npx', 'tsc', '-p', 'tsconfig.json'],
  ['npx', 'oxlint', '--deny-warnings'],
  ['npm', 'test', '--', 'src/cache/cache', 'src/routes'],
];

/** Files opened, beneath the repository or in a package. */
export async function recordFiles(root: string): Promise<string[]> {
  const files: string[] = [];
  for (const command of DAY) for (const line of await callsOf(command, 'openat', root)) files.push(...openedFile(line, root));
  return files;
}

/** `1234 openat(AT_FDCWD</here>, "name", O_RDONLY|O_CLOEXEC) = 17</the/whole/name>` */
function openedFile(line: string, root: string): string[] {
  if (line.includes('O_DIRECTORY')) return [];
  const path = / = \d+<(\/.+)>$/.exec(line)?.[1];
  return path !== undefined && (path.startsWith(`${root}/`) || path.includes('/node_modules/')) ? [path] : [];
}
