import { existsSync, statSync } from 'node:fs';
import { access, constants, readFile, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { type Command, InvalidArgumentError } from 'commander';
import { ConfigError, Events, messageOf, parseDuration, SpillwayError, type Duration } from '../../kernel/index.ts';
import {
  constant,
  defineLoad,
  parseRate,
  readAccessLog,
  renderHtml,
  renderJUnit,
  runLoad,
  STANDARD_LOADS,
  users,
  withBaseline,
  type Arrival,
  type LoadDefinition,
  type LoadEvents,
  type LoadOptionsInput,
  type LoadReport,
  type StandardLoad,
} from '../../load/index.ts';
import { collect, httpUrl, wholeNumber } from '../arguments.ts';
import type { CliContext } from '../context.ts';
import type { ExitName } from '../exit-codes.ts';
import { createLoadLive } from '../load-live.ts';
import { renderLoadReport } from '../load-report.ts';
import { policyLoad } from '../policy-load.ts';

interface LoadFlags {
  readonly target?: string;
  readonly replay?: string;
  readonly speed?: number;
  readonly fromPolicy?: string | true;
  readonly rate?: string;
  readonly users?: number;
  readonly think?: string;
  readonly duration?: string;
  readonly connections?: number;
  readonly workers?: number;
  readonly timeout?: string;
  readonly header?: readonly string[];
  readonly threshold?: readonly string[];
  readonly keepAlive: boolean;
  readonly http2?: true;
  readonly verify: boolean;
  readonly allowHost?: readonly string[];
  readonly seed?: number;
  readonly metrics?: string;
  readonly baseline?: string;
  readonly out?: string;
  readonly html?: string;
  readonly junit?: string;
  readonly json?: true;
}

const EXIT: Record<LoadReport['verdict']['result'], ExitName> = {
  ok: 'ok',
  thresholds: 'threshold',
  regression: 'regression',
  invalid: 'runInvalid',
};

export function addLoadCommand(program: Command, context: CliContext): void {
  program
    .command('load')
    .summary('put a service under load, and tell the truth about its latencies')
    .description(
      'Sends requests when they are due, whatever the target does, and counts latency from that moment. Only this machine, unless --allow-host names another.',
    )
    .argument('<what>', `a load file such as load.ts, an address, or one of ${Object.keys(STANDARD_LOADS).join(', ')}`)
    .option('-r, --rate <rate>', "open model: arrivals such as 500/s or 20/m; default 50/s, or the load file's own", rateText)
    .option('-u, --users <n>', 'closed model instead: users who ask, wait and ask again', wholeNumber(1, 100_000))
    .option('--think <duration>', 'pause of a user between answer and next request', durationText)
    .option('-d, --duration <duration>', 'how long, with --rate or --users; default 10s', durationText)
    .option('--target <url>', "instead of the load file's target")
    .option('--replay <log>', 'send what an access log (combined, JSON lines, HAR) recorded, to the address')
    .option('--speed <factor>', 'how much faster than recorded; default 1', positive)
    .option('--from-policy [config]', "ask the address for the policy's pages: those of the routePlan, weighted by tier")
    .option('-c, --connections <n>', 'most connections at once; default 64', wholeNumber(1, 100_000))
    .option('-w, --workers <n>', 'processes that share the schedule; default 1', wholeNumber(1, 256))
    .option('--timeout <duration>', 'how long a request may take; default 30s', durationText)
    .option('-H, --header <name:value>', 'a field for every request; may be repeated', collect)
    .option('--threshold <bound>', "such as 'latency: p(99)<200'; may be repeated", collect)
    .option('--no-keep-alive', 'a new connection for every request')
    .option('--http2', 'HTTP/2; without TLS by prior knowledge')
    .option('--no-verify', 'accept any TLS certificate')
    .option('--allow-host <host>', 'a host beyond this machine that may be put under load; may be repeated', collect)
    .option('--seed <n>', 'what chance in scenarios follows from', wholeNumber(0, 2 ** 32 - 1))
    .option('--metrics <url>', "the target's Prometheus metrics, shown beside the load", httpUrl)
    .option('--baseline <file>', 'an earlier report to hold this run against; exit 98 when it is worse')
    .option('--html <file>', 'write the report as one HTML page')
    .option('--junit <file>', 'write the outcome as JUnit XML')
    .option('-o, --out <file>', 'write the whole report as JSON')
    .option('--json', 'print the report as JSON')
    .addHelpText(
      'after',
      `
Exit codes: 0 all well, 99 a threshold broke, 98 worse than the baseline, 97 the run is invalid: the generator could not
keep up, or nothing was answered, and the figures mean nothing. 2 and 78: the command or the load file is wrong.

Examples:
  $ spillway load http://127.0.0.1:8080/ --rate 500/s --duration 30s
  $ spillway load load.ts --out run.json --threshold 'latency: p(99)<200' --threshold 'errors: rate<0.001'
  $ spillway load http://127.0.0.1:8080/ --users 100 --think 1s
  $ spillway load http://127.0.0.1:8080/ --from-policy --rate 200/s --metrics http://127.0.0.1:9901/metrics --html run.html
  $ spillway load http://127.0.0.1:8080/ --replay access.log --speed 10
  $ spillway load authentication --target http://127.0.0.1:3000 --baseline last-week.json
`,
    )
    .action(async (what: string, flags: LoadFlags) => {
      refuseIdleFlags(what, flags);
      const definition = withFlags(await definitionFrom(what, flags, context), flags);
      const baseline = flags.baseline === undefined ? undefined : await readReport(flags.baseline, context);
      for (const name of ['out', 'html', 'junit'] as const) await refuseUnwritable(name, flags[name], context);
      const run = await runWatched(what, definition, flags, context);
      const report = baseline === undefined ? run : withBaseline(run, baseline);
      await writeReports(report, flags, context);
      context.stdout.write(flags.json ? `${JSON.stringify(report, undefined, 2)}\n` : renderLoadReport(report, context.paint));
      context.exit = context.stop.aborted ? 'interrupted' : EXIT[report.verdict.result];
    });
}

/** Refuses options that would say nothing beside the others: silence would be taken for consent. */
function refuseIdleFlags(what: string, flags: LoadFlags): void {
  const { rate, users: count, think, duration, replay, speed, fromPolicy } = flags;
  const refuse = (message: string): never => {
    throw new SpillwayError('SPILLWAY_USAGE', message);
  };
  if (rate !== undefined && count !== undefined) refuse('--rate is the open model and --users the closed one: give one of them.');
  if (think !== undefined && count === undefined) refuse('--think is the pause of a user: give --users too.');
  if (speed !== undefined && replay === undefined) refuse('--speed is that of a recording: give --replay too.');
  if (replay !== undefined && (rate ?? count ?? duration) !== undefined)
    refuse('--replay keeps the pace of the recording: change it with --speed, not with --rate, --users or --duration.');
  if (replay !== undefined && fromPolicy !== undefined)
    refuse('--replay and --from-policy both say what to ask for: give one of them.');
  if (isAddress(what)) return;
  if (replay !== undefined || fromPolicy !== undefined)
    refuse(`--replay and --from-policy ask an address, such as http://127.0.0.1:8080/, and ${what} is a load file.`);
  if (duration !== undefined && rate === undefined && count === undefined)
    refuse(`--duration alone would replace the arrival that ${what} declares: give --rate or --users too, or change the file.`);
}

async function readReport(name: string, context: CliContext): Promise<LoadReport> {
  let report: Partial<LoadReport>;
  try {
    report = JSON.parse(await readFile(resolve(context.cwd, name), 'utf8')) as Partial<LoadReport>;
  } catch (error) {
    throw new SpillwayError('SPILLWAY_USAGE', `--baseline ${name} cannot be read: ${messageOf(error)}`);
  }
  if (report?.version === 1 && report.timeline !== undefined) return report as LoadReport;
  throw new SpillwayError('SPILLWAY_USAGE', `--baseline ${name} is not a report that --out of this version wrote.`);
}

/** Found before the run rather than after it, when what was measured would be lost. */
async function refuseUnwritable(flag: string, file: string | undefined, context: CliContext): Promise<void> {
  if (file === undefined) return;
  const path = resolve(context.cwd, file);
  try {
    await access(existsSync(path) ? path : dirname(path), constants.W_OK);
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw new Error('it is a folder');
  } catch (error) {
    throw new SpillwayError('SPILLWAY_USAGE', `--${flag} ${file} cannot be written: ${messageOf(error)}`);
  }
}

async function writeReports(report: LoadReport, { out, html, junit }: LoadFlags, context: CliContext): Promise<void> {
  const write = async (file: string | undefined, text: () => string): Promise<void> => {
    if (file !== undefined) await writeFile(resolve(context.cwd, file), text());
  };
  await write(out, () => `${JSON.stringify(report)}\n`);
  await write(html, () => renderHtml(report));
  await write(junit, () => renderJUnit(report));
}

async function runWatched(what: string, definition: LoadDefinition, flags: LoadFlags, context: CliContext): Promise<LoadReport> {
  const live = createLoadLive(context);
  const events = new Events<LoadEvents>();
  events.on('started', ({ target, arrival }) => context.stderr.write(`${context.paintError.quiet(`${target}: ${arrival}`)}\n`));
  events.on('progress', (progress) => live.show(progress));
  try {
    return await runLoad(definition, optionsFrom(what, flags, context), { ...context.runtime, events, signal: context.stop });
  } finally {
    live.end();
  }
}

/** The default export of a load file, or a load of an address: its page, a recording, or the pages of a policy. */
async function definitionFrom(what: string, flags: LoadFlags, context: CliContext): Promise<LoadDefinition> {
  if (isAddress(what)) return definitionOf(what, flags, context);
  const url = fileUrl(what, context);
  if (!existsSync(fileURLToPath(url))) {
    throw new SpillwayError('SPILLWAY_USAGE', `${what} is neither a load file nor an address such as http://127.0.0.1:8080/.`);
  }
  const { default: definition } = (await import(url)) as { default?: LoadDefinition };
  if (definition === undefined)
    throw new ConfigError(what, [{ path: '', message: 'exports no default', fix: 'export default defineLoad({ … })' }]);
  return defineLoad(definition);
}

async function definitionOf(
  target: string,
  { replay, speed, fromPolicy }: LoadFlags,
  context: CliContext,
): Promise<LoadDefinition> {
  const arrival = constant('50/s').for('10s');
  if (replay !== undefined) {
    const log = await readAccessLog(resolve(context.cwd, replay), speed === undefined ? {} : { speed });
    if (log.skipped > 0) context.stderr.write(`${log.skipped} lines of ${replay} are no GET or HEAD and are left out\n`);
    return defineLoad({ target, arrival: log.arrival, scenarios: { replay: log.scenario } });
  }
  if (fromPolicy === undefined) return defineLoad({ target, arrival });
  return defineLoad({ target, arrival, ...(await policyLoad(context, fromPolicy === true ? undefined : fromPolicy)) });
}

function isAddress(what: string): boolean {
  return /^https?:\/\//i.test(what);
}

function fileUrl(what: string, context: CliContext): string {
  if (what in STANDARD_LOADS) return STANDARD_LOADS[what as StandardLoad];
  return pathToFileURL(resolve(context.cwd, what)).href;
}

function withFlags(definition: LoadDefinition, flags: LoadFlags): LoadDefinition {
  return {
    ...definition,
    target: flags.target ?? definition.target,
    arrival: arrivalFrom(flags) ?? definition.arrival,
    headers: { ...definition.headers, ...Object.fromEntries((flags.header ?? []).map(headerFrom)) },
    thresholds: thresholdsFrom(flags.threshold ?? [], definition),
  };
}

function arrivalFrom({ rate, users: count, think, duration }: LoadFlags): Arrival | undefined {
  if (rate === undefined && count === undefined && duration === undefined) return undefined;
  const lasting = duration ?? '10s';
  if (count !== undefined)
    return users(count)
      .thinking((think ?? 0) as Duration)
      .for(lasting);
  return constant(rate ?? '50/s').for(lasting);
}

function optionsFrom(what: string, flags: LoadFlags, context: CliContext): LoadOptionsInput {
  const { connections, workers, metrics, timeout, http2, keepAlive, verify, allowHost, seed } = flags;
  return {
    ...(connections === undefined ? {} : { connections }),
    ...(workers === undefined ? {} : { workers }),
    ...(metrics === undefined ? {} : { metricsUrl: metrics }),
    ...(isAddress(what) ? {} : { file: fileUrl(what, context) }),
    ...(timeout === undefined ? {} : { timeout }),
    ...(seed === undefined ? {} : { seed }),
    keepAlive,
    http2: http2 === true,
    verifyCertificate: verify,
    allowHosts: [...(allowHost ?? [])],
  };
}

function headerFrom(text: string): [string, string] {
  const colon = text.indexOf(':');
  if (colon < 1) throw new SpillwayError('SPILLWAY_USAGE', `--header ${text}: expected name:value.`);
  return [text.slice(0, colon).trim(), text.slice(colon + 1).trim()];
}

/** `latency{class:critical}: p(99)<200` adds to what the load file declares. */
function thresholdsFrom(texts: readonly string[], definition: LoadDefinition): NonNullable<LoadDefinition['thresholds']> {
  const all = new Map(Object.entries(definition.thresholds ?? {}));
  for (const text of texts) {
    const match = /^([^{:]+(?:\{[^}]*\})?)\s*:\s*(.+)$/.exec(text.trim());
    if (!match) throw new SpillwayError('SPILLWAY_USAGE', `--threshold ${text}: expected a bound such as 'latency: p(99)<200'.`);
    all.set(match[1]!, [...(all.get(match[1]!) ?? []), match[2]!]);
  }
  return Object.fromEntries(all);
}

function positive(text: string): number {
  if (Number(text) > 0) return Number(text);
  throw new InvalidArgumentError('A number above 0 is expected.');
}

function rateText(text: string): string {
  if (!(parseRate(text)! > 0)) throw new InvalidArgumentError(`A rate such as 500/s, 20/m or 1000/h is expected.`);
  return text;
}

function durationText(text: string): string {
  if (parseDuration(text) === undefined) throw new InvalidArgumentError(`A duration such as 250ms, 30s or 15m is expected.`);
  return text;
}
