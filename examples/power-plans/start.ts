/**
 * `npm start`: the site, Spillway before it, tier 1 warm. `npm start -- --site-only` leaves Spillway out, to compare.
 *
 * PORT (8080) and ADMIN_PORT (9901) are taken where they are free; DATABASE_URL, REDIS_URL and POWER_PLANS_DATA as in
 * README.md.
 */
import { randomBytes } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { planPages } from './page-plan.ts';
import { Child } from './start/child.ts';
import { freePortFrom } from './start/ports.ts';
import { report } from './start/report.ts';
import { warm } from './start/warm.ts';

const HERE = import.meta.dirname;
const ROOT = join(HERE, '../..');
const NODE = ['--conditions=source', '--disable-warning=ExperimentalWarning'];
const READY_WITHIN_MS = 60_000;
const START_AGAIN_MS = 5000;

const startedMs = performance.now();
const siteOnly = process.argv.includes('--site-only');
const children = new Set<Child>();
let stopping: Promise<void> | undefined;

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void stop(0));

await start().catch(fail);

async function start(): Promise<void> {
  const port = await freePortFrom(Number(process.env['PORT'] ?? 8080));
  const adminPort = await freePortFrom(Number(process.env['ADMIN_PORT'] ?? 9901), [port]);
  const publicUrl = `http://127.0.0.1:${port}`;
  const adminUrl = `http://127.0.0.1:${adminPort}`;
  const adminToken = process.env['ADMIN_TOKEN'] ?? randomBytes(12).toString('base64url');
  const env = {
    ...process.env,
    PUBLIC_URL: publicUrl,
    ADMIN_TOKEN: adminToken,
    ...(!siteOnly && { SPILLWAY_ADMIN_URL: adminUrl }),
  };

  const sites = siteOnly ? [port] : await sitePorts([port, adminPort]);
  if (siteOnly) {
    await startSites(env, sites);
    return report({ publicUrl, adminToken, tookMs: performance.now() - startedMs });
  }
  const endpoints = sites.map((site) => `http://127.0.0.1:${site}`);
  const gatewayEnv = { ...env, PORT: String(port), ADMIN_PORT: String(adminPort), SITE_ENDPOINTS: endpoints.join(',') };
  const [tier1, pids] = await Promise.all([
    planPages().warmList({ tiers: [1] }),
    startSites(env, sites),
    startGateway(gatewayEnv, adminUrl),
  ]);
  const warmed = await warm(publicUrl, ['/', ...tier1.map((route) => route.path)]);
  report({ publicUrl, adminUrl, adminToken, warmed, endpoints, pids, tookMs: performance.now() - startedMs });
}

/** Two processes render where they share a database server; the embedded database belongs to one. */
async function sitePorts(taken: readonly number[]): Promise<number[]> {
  const first = await freePortFrom(3001, taken);
  if (!process.env['DATABASE_URL'] || availableParallelism() === 1) return [first];
  return [first, await freePortFrom(first + 1, taken)];
}

/** Resolves with the processes' ids when every site answers. */
function startSites(env: NodeJS.ProcessEnv, ports: readonly number[]): Promise<number[]> {
  return Promise.all(ports.map((port) => startSite(env, port)));
}

/** A site that ends by itself, or is killed to see what Spillway does, is started again. */
async function startSite(env: NodeJS.ProcessEnv, port: number): Promise<number> {
  const site = launch('site', [join(HERE, 'serve.ts')], { ...env, PORT: String(port) });
  await site.ready(`http://127.0.0.1:${port}/healthz`, READY_WITHIN_MS);
  void site.exited.then((how) => startAgain(how, env, port)).catch(fail);
  return site.pid;
}

async function startAgain(how: string, env: NodeJS.ProcessEnv, port: number): Promise<void> {
  if (stopping) return;
  console.error(`The site on port ${port} ended (${how}); it starts again in ${START_AGAIN_MS / 1000} s.`);
  await delay(START_AGAIN_MS);
  if (stopping) return;
  await startSite(env, port);
  console.error(`The site on port ${port} is back.`);
}

async function startGateway(env: NodeJS.ProcessEnv, adminUrl: string): Promise<void> {
  const config = join(HERE, 'spillway.config.ts');
  const gateway = launch('gateway', [join(ROOT, 'src/cli/main.ts'), 'start', '--config', config], env);
  await gateway.ready(`${adminUrl}/readyz`, READY_WITHIN_MS);
  void gateway.exited.then((how) => fail(new Error(`Spillway ended (${how}).`)));
}

function launch(name: string, args: readonly string[], env: NodeJS.ProcessEnv): Child {
  const child = new Child(name, [...NODE, ...args], env);
  children.add(child);
  void child.exited.then(() => children.delete(child));
  return child;
}

async function fail(error: unknown): Promise<void> {
  if (!stopping) console.error(`\n${error instanceof Error ? error.message : String(error)}`);
  await stop(1);
}

/** Last started first: Spillway finishes what is on its way while the site still answers. */
function stop(exitCode: number): Promise<void> {
  return (stopping ??= (async () => {
    for (const child of [...children].toReversed()) await child.stop();
    process.exit(exitCode);
  })());
}
