/** Finds the real servers the tests run against, and installs those that are missing where it can. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';

interface Program {
  /** What is looked for on PATH. */
  readonly command: string;
  /** Debian's package that brings it. */
  readonly debianPackage: string;
  /** Places beyond PATH. */
  readonly alsoIn?: () => string[];
}

const PROGRAMS = {
  redis: { command: 'redis-server', debianPackage: 'redis-server' },
  redisCli: { command: 'redis-cli', debianPackage: 'redis-tools' },
  openssl: { command: 'openssl', debianPackage: 'openssl' },
  postgres: { command: 'postgres', debianPackage: 'postgresql', alsoIn: debianPostgresFolders },
  nginx: { command: 'nginx', debianPackage: 'nginx-light', alsoIn: () => ['/usr/sbin'] },
  chromium: { command: 'chromium', debianPackage: 'chromium' },
  promtool: { command: 'promtool', debianPackage: 'prometheus' },
} satisfies Record<string, Program>;

export type ProgramName = keyof typeof PROGRAMS;

function debianPostgresFolders(): string[] {
  const root = '/usr/lib/postgresql';
  return existsSync(root) ? readdirSync(root).map((version) => join(root, version, 'bin')) : [];
}

function find(program: Program): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), ...(program.alsoIn?.() ?? [])];
  return folders.map((folder) => join(folder, program.command)).find((file) => existsSync(file));
}

/** The path of a server's program. */
export function programPath(name: ProgramName): string {
  const path = find(PROGRAMS[name]);
  if (!path)
    throw new Error(
      `${PROGRAMS[name].command} is not installed: run 'npm test', which provides it, or install ${PROGRAMS[name].debianPackage}`,
    );
  return path;
}

/** Makes sure every program is there: apt as root on Debian and Ubuntu; elsewhere it says what is missing and how to get it. */
export function providePrograms(): void {
  const missing = Object.values(PROGRAMS).filter((program) => !find(program));
  if (missing.length === 0) return;
  const packages = [...new Set(missing.map((program) => program.debianPackage))];
  if (!existsSync('/usr/bin/apt-get') || process.getuid?.() !== 0) {
    throw new Error(
      `The tests run against real servers and miss ${missing.map((program) => program.command).join(', ')}.\n` +
        `On Debian or Ubuntu: sudo apt-get install ${packages.join(' ')}. Elsewhere: install them and put them on PATH.`,
    );
  }
  console.log(`Installing what the tests run against: ${packages.join(', ')}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  spawnSync('apt-get', ['update', '-qq'], { env, stdio: 'inherit' });
  execFileSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], {
    env,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}
