import { createServer, connect } from 'node:net';
import { once } from 'node:events';
import { Client } from 'pg';
import { createClient } from 'redis';
import { ConfigError, messageOf, SpillwayError } from '../kernel/index.ts';
import type { ResolvedConfig } from '../policy/index.ts';
import { urlOf } from './admin-client.ts';
import type { CliContext } from './context.ts';
import { loadPolicy } from './load-policy.ts';
import { loadRoutePlan } from './route-plan.ts';

export interface Finding {
  readonly state: 'fine' | 'warning' | 'problem';
  /** What was looked at: `Redis`, `port 8080`. */
  readonly subject: string;
  readonly message: string;
  /** What to do about it. */
  readonly fix?: string;
}

/** How long anything examined may take to answer, ms. */
const PATIENCE_MS = 3000;
const OLDEST_NODE = [22, 18] as const;
const OLDEST_REDIS = 7;
const OLDEST_POSTGRES = 13;

/** Looks at everything that Spillway stands on, one finding after another. */
export async function* examine(context: CliContext, file?: string, origin?: string): AsyncGenerator<Finding> {
  yield examineNode(process.versions.node);
  const config = await examineConfig(context, file, origin);
  yield config.finding;
  if (!config.resolved) return;
  const { upstreams, redis, database, listen, admin, routePlan } = config.resolved;
  if (routePlan !== undefined) yield await examinePlan(context, file);
  for (const [name, upstream] of Object.entries(upstreams))
    for (const { url } of upstream.endpoints) yield await examineEndpoint(name, url);
  yield redis === undefined ? fine('Redis', 'none: everything shared is kept in memory') : await examineRedis(redis);
  yield database === undefined ? fine('database', 'none') : await examineDatabase(database);
  const isOurs = admin.port !== 0 && (await isRunning(context, admin));
  yield await examinePort('site', listen, isOurs);
  yield await examinePort('admin', admin, isOurs);
}

function fine(subject: string, message: string): Finding {
  return { state: 'fine', subject, message };
}

function problem(subject: string, message: string, fix: string): Finding {
  return { state: 'problem', subject, message, fix };
}

export function examineNode(version: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const isOld = major < OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor < OLDEST_NODE[1]);
  if (!isOld) return fine('Node', version);
  return problem('Node', `${version} is too old`, `install Node ${OLDEST_NODE.join('.')} or newer`);
}

async function examineConfig(
  context: CliContext,
  file: string | undefined,
  origin: string | undefined,
): Promise<{ finding: Finding; resolved?: ResolvedConfig }> {
  try {
    const { policy, loaded } = await loadPolicy(context, file, origin === undefined ? {} : { origin });
    const routes = policy.routes.length === 1 ? '1 route' : `${policy.routes.length} routes`;
    return { finding: fine('config', `${loaded?.file ?? 'command line'}, ${routes}`), resolved: policy.config };
  } catch (error) {
    if (!(error instanceof SpillwayError)) throw error;
    const fix = error instanceof ConfigError ? 'mend the lines above, then ask again' : 'see spillway start --help';
    return { finding: problem('config', error.message, fix) };
  }
}

/** How many planned pages are looked at. */
const MAX_PAGES_EXAMINED = 10_000;

/** Whether the plan can be had, and the policy serves its pages. */
async function examinePlan(context: CliContext, file: string | undefined): Promise<Finding> {
  const subject = 'route plan';
  try {
    const { plan, policy } = await loadRoutePlan(context, file);
    let pages = 0;
    for await (const { path } of plan) {
      if (!policy.match('GET', path))
        return problem(subject, `${path} is planned, and no route matches it`, 'add a route for it, or leave it out of the plan');
      if (++pages === MAX_PAGES_EXAMINED) break;
    }
    return fine(subject, `${pages}${pages === MAX_PAGES_EXAMINED ? ' and more' : ''} pages, each with a route`);
  } catch (error) {
    if (!(error instanceof SpillwayError)) throw error;
    return problem(subject, error.message, 'see spillway routes');
  }
}

async function examineEndpoint(upstream: string, url: string): Promise<Finding> {
  const { hostname, port, protocol } = new URL(url);
  const subject = `upstream ${upstream}`;
  const fault = await connectFault(hostname, Number(port || (protocol === 'https:' ? 443 : 80)));
  if (fault === undefined) return fine(subject, `${url} accepts connections`);
  return problem(subject, `${url} does not: ${fault}`, `start the service, or correct upstreams.${upstream}.endpoints`);
}

async function connectFault(host: string, port: number): Promise<string | undefined> {
  const socket = connect({ host: host.replace(/^\[|\]$/g, ''), port });
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(PATIENCE_MS) });
    return undefined;
  } catch (error) {
    return reasonOf(error);
  } finally {
    socket.destroy();
  }
}

async function examineRedis(url: string): Promise<Finding> {
  const client = createClient({ url, socket: { connectTimeout: PATIENCE_MS, reconnectStrategy: false } });
  client.on('error', () => {}); // the same error rejects connect()
  try {
    await withinPatience(client.connect());
    const version = /redis_version:(\S+)/.exec(String(await withinPatience(client.info('server'))))?.[1] ?? 'unknown';
    if (Number.parseInt(version, 10) < OLDEST_REDIS)
      return {
        state: 'warning',
        subject: 'Redis',
        message: `version ${version} is older than what is tested`,
        fix: `run Redis ${OLDEST_REDIS} or newer`,
      };
    return fine('Redis', `${withoutPassword(url)} answers, version ${version}`);
  } catch (error) {
    const reason = reasonOf(error);
    const fix = /NOAUTH|WRONGPASS/.test(reason) ? 'correct user and password in `redis`' : 'start Redis, or correct `redis`';
    return problem('Redis', `${withoutPassword(url)} does not answer: ${reason}`, fix);
  } finally {
    client.destroy();
  }
}

async function examineDatabase(url: string): Promise<Finding> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: PATIENCE_MS, query_timeout: PATIENCE_MS });
  client.on('error', () => {}); // told by the query that fails
  try {
    await client.connect();
    const { rows } = await client.query<{ server_version: string }>('SHOW server_version');
    const version = rows[0]?.server_version ?? 'unknown';
    if (Number.parseInt(version, 10) < OLDEST_POSTGRES)
      return {
        state: 'warning',
        subject: 'database',
        message: `PostgreSQL ${version} is older than what is tested`,
        fix: `run PostgreSQL ${OLDEST_POSTGRES} or newer`,
      };
    return fine('database', `${withoutPassword(url)} answers, PostgreSQL ${version}`);
  } catch (error) {
    const code = (error as { code?: string } | undefined)?.code;
    const fix =
      code === '28P01' || code === '28000'
        ? 'correct user and password in `database`'
        : code === '3D000'
          ? 'create the database, or correct its name in `database`'
          : 'start PostgreSQL, or correct `database`';
    return problem('database', `${withoutPassword(url)} does not answer: ${reasonOf(error)}`, fix);
  } finally {
    await client.end().catch(() => {});
  }
}

async function examinePort(
  name: 'site' | 'admin',
  { host, port }: { readonly host: string; readonly port: number },
  isOurs: boolean,
): Promise<Finding> {
  const subject = `${name} port`;
  if (port === 0) return fine(subject, 'any free one');
  const fault = await listenFault(host, port);
  if (fault === undefined) return fine(subject, `${host}:${port} is free`);
  if (fault === 'EADDRINUSE' && isOurs) return fine(subject, `${host}:${port} is served by Spillway already`);
  const section = name === 'site' ? 'listen' : 'admin';
  if (fault === 'EADDRINUSE')
    return problem(subject, `${host}:${port} is taken by another program`, `stop it, or choose another ${section}.port`);
  const fix = fault === 'EACCES' ? `choose a ${section}.port above 1023` : `correct ${section}.host`;
  return problem(subject, `${host}:${port} cannot be listened on (${fault})`, fix);
}

async function listenFault(host: string, port: number): Promise<string | undefined> {
  const server = createServer();
  try {
    await once(server.listen({ host, port, exclusive: true }), 'listening');
    return undefined;
  } catch (error) {
    return (error as { code?: string }).code ?? messageOf(error);
  } finally {
    server.close();
  }
}

/** Whether a Spillway with this config runs already: its admin listener gives a verdict on its health. */
async function isRunning(context: CliContext, { host, port }: ResolvedConfig['admin']): Promise<boolean> {
  try {
    const answer = await context.fetch(new URL('/healthz', urlOf(host, port)), { signal: AbortSignal.timeout(PATIENCE_MS) });
    const { status } = (await answer.json()) as { status?: unknown };
    return status === 'healthy' || status === 'degraded' || status === 'critical';
  } catch {
    return false;
  }
}

function withinPatience<T>(work: Promise<T>): Promise<T> {
  return Promise.race([
    work,
    once(AbortSignal.timeout(PATIENCE_MS), 'abort').then(() => Promise.reject(new Error(`no answer within ${PATIENCE_MS} ms`))),
  ]);
}

function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  if (error instanceof Error && error.name === 'AbortError') return `no answer within ${PATIENCE_MS} ms`;
  return messageOf(error);
}

function withoutPassword(url: string): string {
  const shown = new URL(url);
  if (shown.password !== '') shown.password = '***';
  return shown.href;
}
