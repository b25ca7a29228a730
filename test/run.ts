/**
 * `npm test`: provides the real servers, then runs every test. With arguments, only the files whose path contains one
 * of them: `npm test -- src/cache`.
 */
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { providePrograms } from './servers/programs.ts';

const wanted = process.argv.slice(2);
const files = globSync(['src/**/*.test.ts', 'test/**/*.test.ts', 'examples/**/*.test.ts', 'bench/**/*.test.ts'], {
  exclude: ['**/node_modules/**', 'test/adapters/apps/**'],
})
  .filter((file) => wanted.length === 0 || wanted.some((part) => file.includes(part)))
  .toSorted();

if (files.length === 0) {
  console.error(`No test file's path contains ${wanted.join(' or ')}.`);
  process.exit(1);
}
try {
  providePrograms();
} catch (error) {
  console.error((error as Error).message);
  process.exit(1);
}
const { status } = spawnSync(
  process.execPath,
  ['--conditions=source', '--test', '--test-concurrency=2', '--test-timeout=600000', ...files],
  {
    stdio: 'inherit',
  },
);
process.exit(status ?? 1);
