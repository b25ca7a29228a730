/**
 * `npm run build`: `dist/` as it is published, or the folder that is named. The compiler makes JavaScript and types of `src/`; libraries that are not
 * installed beside us (docs/decisions/005) are bundled with their licence.
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';

const root = resolve(import.meta.dirname, '..');
const dist = resolve(root, process.argv[2] ?? 'dist');
const vendor = join(dist, 'vendor');

rmSync(dist, { recursive: true, force: true });
execFileSync(join(root, 'node_modules/.bin/tsc'), ['-p', join(root, 'tsconfig.build.json'), '--outDir', dist], {
  stdio: 'inherit',
});
mkdirSync(vendor, { recursive: true });
await build({
  // The entry without the optional native module, which would bring an install script.
  entryPoints: [join(root, 'node_modules/msgpackr/index.js')],
  outfile: join(vendor, 'msgpackr.js'),
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node22',
  legalComments: 'inline',
});
copyFileSync(join(root, 'node_modules/msgpackr/LICENSE'), join(vendor, 'msgpackr.LICENSE'));
