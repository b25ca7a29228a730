/**
 * Bundles the dashboard into src/health/dashboard.generated.ts, which ships in the package, so that nobody who uses
 * Spillway needs a bundler. `node dashboard/build.ts` writes it; the tests hold that it is current.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';

const here = import.meta.dirname;
export const generatedFile = join(here, '../src/health/dashboard.generated.ts');

/** The text of the generated file, made from the sources as they are. */
export async function generate(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: { app: join(here, 'src/main.tsx'), styles: join(here, 'src/styles.css') },
    outdir: join(here, 'out'),
    bundle: true,
    write: false,
    minify: true,
    format: 'esm',
    target: 'es2022',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    tsconfigRaw: {},
    legalComments: 'none',
    charset: 'utf8',
    absWorkingDir: here,
  });
  const bundled = (name: string): string => outputFiles.find(({ path }) => path.endsWith(name))!.text;
  const files = {
    'index.html': readFileSync(join(here, 'index.html'), 'utf8'),
    'icon.svg': readFileSync(join(here, 'icon.svg'), 'utf8').trim(),
    'styles.css': bundled('styles.css'),
    'app.js': bundled('app.js'),
  };
  const entries = Object.entries(files).map(([name, text]) => `  '${name}': ${JSON.stringify(text)},\n`);
  return `// Made by dashboard/build.ts from dashboard/; do not edit. Holds Preact and uPlot (both MIT).\nexport const DASHBOARD_FILES = {\n${entries.join('')}} as const;\n`;
}

if (import.meta.main) writeFileSync(generatedFile, await generate());
