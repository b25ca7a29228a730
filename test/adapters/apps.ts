/**
 * The applications under `apps/`: installed from their lock file, with Spillway beside their frameworks as npm would have
 * put it there, then really built and really run.
 */
import { execFile } from 'node:child_process';
import { copyFileSync, existsSync, globSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { eventually, freePort, ServerProcess } from '../servers/index.ts';
import { get } from '../serve/running.ts';

const run = promisify(execFile);
const root = resolve(import.meta.dirname, '../..');
const apps = join(import.meta.dirname, 'apps');
const modules = join(apps, 'node_modules');
const spillway = join(modules, 'spillway');

const QUIET = { NEXT_TELEMETRY_DISABLED: '1', ASTRO_TELEMETRY_DISABLED: '1', NODE_ENV: 'production' };

/** Installs the frameworks and Spillway where that has not been done, then builds the application. */
export async function buildApp(name: string, command: readonly string[]): Promise<void> {
  await alone(async () => {
    if (!isInstalled()) await install();
    if (!isPackaged()) await packageSpillway();
  });
  await run(process.execPath, [join(modules, command[0]!), ...command.slice(1)], {
    cwd: join(apps, name),
    env: environment({}),
  });
}

/** A running instance of an application. */
export interface Instance {
  readonly url: string;
  readonly process: ServerProcess;
}

/** Starts the application and waits until `path` answers. */
export async function startApp(
  name: string,
  command: readonly string[] | ((port: number) => readonly string[]),
  env: Record<string, string>,
  path: string,
): Promise<Instance> {
  const port = await freePort();
  const [file, ...args] = typeof command === 'function' ? command(port) : command;
  const started = new ServerProcess(process.execPath, [join(apps, file!), ...args], {
    cwd: join(apps, name),
    env: environment({ ...env, HOST: '127.0.0.1', PORT: String(port) }),
  });
  const url = `http://127.0.0.1:${port}`;
  await eventually(
    `${name} answers`,
    async () => {
      if (started.exited) throw new Error(`${name} ended:\n${started.output}`);
      return get(url + path).then(
        ({ status }) => status < 500,
        () => false,
      );
    },
    60_000,
  );
  return { url, process: started };
}

/** Without what the test runner and npm tell their own children. */
function environment(extra: Record<string, string>): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !/^(?:NODE_|npm_|REDIS_URL$)/.test(name));
  return { ...Object.fromEntries(inherited), ...QUIET, ...extra };
}

const lockFile = join(apps, 'package-lock.json');
/** The lock file that was installed, as it was then: git changes dates, not contents. */
const installed = join(modules, '.installed-package-lock.json');

function isInstalled(): boolean {
  return existsSync(installed) && readFileSync(installed).equals(readFileSync(lockFile));
}

async function install(): Promise<void> {
  await run('npm', ['ci', '--ignore-scripts'], { cwd: apps });
  copyFileSync(lockFile, installed);
}

function isPackaged(): boolean {
  const made = join(spillway, 'package.json');
  if (!existsSync(made)) return false;
  const sources = globSync(['src/**/*.ts', 'package.json', 'tools/build.ts'], { cwd: root });
  return sources.every((file) => statSync(join(root, file)).mtimeMs < statSync(made).mtimeMs);
}

/** What `npm pack` packs; its dependencies are found further up, in the checkout. */
async function packageSpillway(): Promise<void> {
  rmSync(spillway, { recursive: true, force: true });
  mkdirSync(spillway, { recursive: true });
  await run(process.execPath, ['--conditions=source', 'tools/build.ts', join(spillway, 'dist')], { cwd: root });
  copyFileSync(join(root, 'package.json'), join(spillway, 'package.json'));
}

/** The test files run side by side: one of them prepares, the others wait. */
async function alone(work: () => Promise<void>): Promise<void> {
  const lock = join(apps, '.installing');
  await eventually('the applications are installed', () => taken(lock), 300_000);
  try {
    await work();
  } finally {
    rmSync(lock, { force: true });
  }
}

function taken(lock: string): boolean {
  try {
    writeFileSync(lock, String(process.pid), { flag: 'wx' });
    return true;
  } catch {
    if (existsSync(lock) && !isAlive(Number(readFileSync(lock, 'utf8')))) rmSync(lock, { force: true });
    return false;
  }
}

function isAlive(pid: number): boolean {
  try {
    return pid > 0 && process.kill(pid, 0);
  } catch {
    return false;
  }
}
