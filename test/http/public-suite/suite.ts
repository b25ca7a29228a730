import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { eventually, freePort, ServerProcess } from '../../servers/index.ts';
import { installedSuite } from './installed-suite.ts';

export type Kind = 'required' | 'optimal' | 'check';

/** One test of the suite, as it describes itself. */
export interface SuiteTest {
  readonly id: string;
  readonly kind: Kind;
  readonly name: string;
  readonly group: string;
  readonly dependsOn: readonly string[];
}

/** `pass`, or why not: the assertion's sentence, or the tests it depends on. */
export type Results = ReadonlyMap<string, string>;

/** The public HTTP cache test suite, from a folder that holds it. */
export class Suite {
  readonly folder: string;
  /** `package`: the published version; `repository`: a checkout of what came after it. */
  readonly edition: 'package' | 'repository';
  readonly tests: readonly SuiteTest[];
  readonly #engine: string;

  private constructor(folder: string, engine: string, tests: readonly SuiteTest[]) {
    this.folder = folder;
    this.#engine = engine;
    this.edition = engine === folder ? 'package' : 'repository';
    this.tests = tests;
  }

  /** @param folder a checkout of the suite; default: $HTTP_CACHE_TESTS, else the package `http-cache-tests`. */
  static async load(folder = process.env['HTTP_CACHE_TESTS'] ?? installedSuite()): Promise<Suite> {
    const newer = join(folder, 'test-engine');
    const engine = existsSync(newer) ? newer : folder;
    const groups = ((await import(pathToFileURL(join(folder, 'tests/index.mjs')).href)) as { default: RawGroup[] }).default;
    const tests = groups.flatMap((group) =>
      group.tests
        .filter((test) => !test.browser_only)
        .map((test) => ({
          id: test.id,
          kind: test.kind ?? ('required' as const),
          name: test.name,
          group: group.id,
          dependsOn: test.depends_on ?? [],
        })),
    );
    return new Suite(folder, engine, tests);
  }

  /** Starts the suite's origin server on a free loopback port. */
  async startOrigin(): Promise<{ readonly url: string; stop(): Promise<void> }> {
    const port = await freePort();
    const env = {
      ...process.env,
      npm_config_protocol: 'http',
      npm_config_port: String(port),
      npm_config_pidfile: join(mkdtempSync(join(tmpdir(), 'spillway-suite-')), 'pid'),
    };
    const preload = pathToFileURL(join(import.meta.dirname, 'loopback.mjs')).href;
    const server = new ServerProcess(process.execPath, ['--import', preload, join(this.#engine, 'server/server.mjs')], {
      cwd: this.folder,
      env,
    });
    await eventually(`the suite's origin listens on ${port}`, () => accepts(port));
    return { url: `http://127.0.0.1:${port}`, stop: () => server.kill() };
  }

  /** Runs every test (or the one with `id`) against the cache at `url`. */
  async run(url: string, id = ''): Promise<Results> {
    const env = { ...process.env, npm_config_base: url, npm_config_id: id, npm_package_config_id: '' };
    const { stdout } = await promisify(execFile)(process.execPath, ['--no-warnings', join(this.#engine, 'cli.mjs')], {
      cwd: this.folder,
      env,
      maxBuffer: 64 * 1024 * 1024,
    });
    if (id !== '') return new Map([[id, stdout]]);
    const raw = JSON.parse(stdout.slice(stdout.indexOf('\n{') + 1 || stdout.indexOf('{'))) as Record<string, RawResult>;
    return this.#judged(raw);
  }

  #judged(raw: Readonly<Record<string, RawResult>>): Results {
    const byId = new Map(this.tests.map((test) => [test.id, test]));
    const verdicts = new Map<string, string>();
    const verdictOf = (id: string): string => {
      const known = verdicts.get(id);
      if (known !== undefined) return known;
      const broken = byId.get(id)?.dependsOn.filter((other) => verdictOf(other) !== 'pass') ?? [];
      const result = raw[id];
      const verdict =
        broken.length > 0
          ? `depends on ${broken.join(', ')}`
          : result === true
            ? 'pass'
            : result === undefined
              ? 'not run'
              : `${result[0]}: ${result[1]}`;
      verdicts.set(id, verdict);
      return verdict;
    };
    for (const { id } of this.tests) verdictOf(id);
    return verdicts;
  }
}

interface RawGroup {
  readonly id: string;
  readonly tests: readonly {
    readonly id: string;
    readonly name: string;
    readonly kind?: Kind;
    readonly browser_only?: boolean;
    readonly depends_on?: readonly string[];
  }[];
}

type RawResult = true | readonly [kind: string, message: string];

/** How many tests of each kind pass, of how many. */
export function score(suite: Suite, results: Results): Record<Kind, { passed: number; of: number }> {
  const total = { required: { passed: 0, of: 0 }, optimal: { passed: 0, of: 0 }, check: { passed: 0, of: 0 } };
  for (const { id, kind } of suite.tests) {
    total[kind].of++;
    if (results.get(id) === 'pass') total[kind].passed++;
  }
  return total;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
