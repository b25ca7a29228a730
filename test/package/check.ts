/**
 * `npm run test:package`: packs the package as npm would publish it, installs the tarball into an empty project, and
 * imports every public subpath there on each Node line that is supported. Nothing of the repository is reachable.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '../..');
const folder = mkdtempSync(join(tmpdir(), 'spillway-package-'));
const nodeLines = ['22', '24', '26'];

try {
  const tarball = pack();
  install(tarball);
  for (const line of nodeLines) importEverything(line);
  console.log(`the packed package imports on Node ${nodeLines.join(', ')}`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function pack(): string {
  run('npm', ['run', 'build'], root);
  const [packed] = JSON.parse(run('npm', ['pack', '--json', '--pack-destination', folder], root)) as [
    { filename: string; files: { path: string }[] },
  ];
  const strays = packed.files
    .map((file) => file.path)
    .filter((path) => /\.test\.|^(?:test|bench|examples|src|tools)\//.test(path));
  assert.deepEqual(strays, [], 'the package holds files that do not belong in it');
  return join(folder, packed.filename);
}

function install(tarball: string): void {
  writeFileSync(join(folder, 'package.json'), '{ "name": "consumer", "private": true, "type": "module" }');
  run('npm', ['install', '--ignore-scripts', tarball], folder);
  const lock = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { hasInstallScript?: boolean }>;
  };
  const scripted = Object.entries(lock.packages).filter(([, entry]) => entry.hasInstallScript);
  assert.deepEqual(
    scripted.map(([path]) => path),
    [],
    'packages with an install script come along',
  );
}

function importEverything(line: string): void {
  const subpaths = Object.keys(
    (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { exports: Record<string, unknown> }).exports,
  );
  const specifiers = subpaths.map((subpath) => `spillway${subpath.slice(1)}`);
  const script = `for (const specifier of ${JSON.stringify(specifiers)}) {
    const names = Object.keys(await import(specifier));
    if (names.length === 0) throw new Error(specifier + ' exports nothing');
  }
  console.log(process.version);`;
  writeFileSync(join(folder, 'import.mjs'), script);
  const node = nodeBinary(line);
  const version = execFileSync(node, [join(folder, 'import.mjs')], { cwd: folder, encoding: 'utf8' });
  assert.ok(version.startsWith(`v${line}.`), `wanted Node ${line}, ran ${version}`);
  const help = execFileSync(node, [join(folder, 'node_modules/spillway/dist/cli/main.js'), '--help'], {
    cwd: folder,
    encoding: 'utf8',
  });
  assert.match(help, /spillway/);
}

/** Node of that line, as the platform package npm has for it. */
function nodeBinary(line: string): string {
  const name = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;
  const prefix = join(folder, `node${line}`);
  run('npm', ['install', '--prefix', prefix, '--ignore-scripts', '--no-save', `${name}@${line}`], folder);
  return join(prefix, 'node_modules', name, 'bin/node');
}

function run(command: string, args: readonly string[], cwd: string): string {
  return execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
}
