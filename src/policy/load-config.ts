import { existsSync, readFileSync, statSync } from 'node:fs';
import { basename, join, relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ConfigError, messageOf, SpillwayError, type Problem } from '../kernel/index.ts';
import type { SpillwayConfig } from './schema.ts';
import { createSourceLines, type SourceLines } from './source-lines.ts';

/** Looked for in this order when no file is named. */
export const CONFIG_FILES = ['spillway.config.ts', 'spillway.config.js', 'spillway.config.mjs', 'spillway.config.json'] as const;

export interface LoadedConfig {
  readonly config: SpillwayConfig;
  /** Absolute. */
  readonly path: string;
  /** As it is shown to people: relative to where they stand. */
  readonly file: string;
  readonly sourceLines: SourceLines;
}

/**
 * Loads a config file: a module whose default export is the config, or JSON.
 * @param file path of the file; undefined: the first of {@link CONFIG_FILES} in `cwd`.
 * @returns undefined when no file was named and there is none.
 * @throws SpillwayError `SPILLWAY_CONFIG_NOT_FOUND` when the file named does not exist.
 * @throws ConfigError when it cannot be read, throws, or exports nothing.
 */
export async function loadConfig(cwd: string, file?: string): Promise<LoadedConfig | undefined> {
  const path = file === undefined ? findConfig(cwd) : resolve(cwd, file);
  if (path === undefined) return undefined;
  const shown = relative(cwd, path).startsWith('..') ? path : relative(cwd, path);
  if (!existsSync(path) || !statSync(path).isFile()) {
    const found = findConfig(cwd);
    const hint = found ? `There is a '${basename(found)}' here.` : `Write one, or start with --origin http://127.0.0.1:3000.`;
    throw new SpillwayError('SPILLWAY_CONFIG_NOT_FOUND', `There is no file '${shown}'. ${hint}`);
  }
  const source = readFileSync(path, 'utf8');
  const sourceLines = createSourceLines(source);
  const config = path.endsWith('.json') ? readJson(source, shown) : await importConfig(path, shown, source);
  return { config: config as SpillwayConfig, path, file: shown, sourceLines };
}

function findConfig(cwd: string): string | undefined {
  return CONFIG_FILES.map((name) => join(cwd, name)).find((path) => existsSync(path));
}

function readJson(source: string, file: string): unknown {
  try {
    return JSON.parse(source);
  } catch (error) {
    const message = messageOf(error);
    const line = /\(line (\d+) /.exec(message)?.[1];
    throw new ConfigError(file, [{ path: '', message: `is not JSON: ${message}`, ...(line ? { line: Number(line) } : {}) }]);
  }
}

async function importConfig(path: string, file: string, source: string): Promise<unknown> {
  let module: { readonly default?: unknown };
  try {
    module = (await import(pathToFileURL(path).href)) as typeof module;
  } catch (error) {
    throw new ConfigError(file, [importProblem(error, path, source)]);
  }
  if (module.default === undefined)
    throw new ConfigError(file, [
      { path: '', message: 'has no default export', fix: 'write `export default defineConfig({ … })`' },
    ]);
  return module.default;
}

/** What a module that cannot be imported is told: where it threw, what is not found, or what is no JavaScript. */
function importProblem(error: unknown, path: string, source: string): Problem {
  const line = lineIn(error, path);
  const at = line === undefined ? {} : { line };
  const message = messageOf(error);
  const code = (error as { code?: string } | undefined)?.code;
  if (code === 'ERR_MODULE_NOT_FOUND') return notFoundProblem(message, source);
  if (code === 'ERR_UNKNOWN_FILE_EXTENSION')
    return { path: '', message: `Node ${process.versions.node} does not run TypeScript`, fix: 'use Node 22.18 or newer' };
  if (error instanceof SyntaxError) return { path: '', message: `is no valid code: ${message}`, ...at };
  return { path: '', message: `threw while it was loaded: ${message}`, ...at };
}

/** Node says `Cannot find module '/path' imported from …` of files and `Cannot find package 'name' …` of packages. */
function notFoundProblem(message: string, source: string): Problem {
  const [, kind, name = ''] = /^Cannot find (module|package) '([^']+)'/.exec(message) ?? [];
  const fix = kind === 'package' ? `npm install ${name}` : 'correct the path of the import';
  const line = source.split('\n').findIndex((text) => /\b(?:import|from)\b/.test(text) && text.includes(basename(name))) + 1;
  return { path: '', message: message.replace(/ imported from .*/s, ''), fix, ...(line > 0 ? { line } : {}) };
}

/** The line of the config file that the stack names. */
function lineIn(error: unknown, path: string): number | undefined {
  const stack = error instanceof Error ? (error.stack ?? '') : '';
  const at = stack.indexOf(`${path}:`);
  const line = at === -1 ? NaN : Number.parseInt(stack.slice(at + path.length + 1), 10);
  return Number.isNaN(line) ? undefined : line;
}
