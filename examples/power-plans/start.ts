/**
 * `npm start`: the site, Spillway before it, tier 1 warm. `npm start -- --site-only` leaves Spillway out, to compare.
 *
 * PORT (8080) and ADMIN_PORT (9901) are taken where they are free; DATABASE_URL, REDIS_URL and POWER_PLANS_DATA as in
 * README.md.
 */
import { randomBytes } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { planPages } from './page-plan.ts';
import { Child } from './start/child.ts';
import { freePortFrom } from './start/ports.ts';
import { report } from './start/report.ts';
import { warm } from './start/warm.ts';

const HERE = import.meta.dirname;
const ROOT = join(HERE, '../..');
const NODE = ['--conditions=source', '--disable-warning=ExperimentalWarning'];
const READY_WITHIN_MS = 60_000;

const startedMs = performance.now();
const siteOnly = process.argv.includes('--site-only');
const children: Child[] = [];
let stopping: Promise<void> | undefined;

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void stop(0));

try {
  await start();
} catch (error) {
  if (!stopping) console.error(`\n${error instanceof Error ? error.message : String(error)}`);
  await stop(1);
}

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
  const [tier1] = await Promise.all([
    planPages().warmList({ tiers: [1] }),
    startSites(env, sites),
    startGateway(gatewayEnv, adminUrl),
  ]);
  const warmed = await warm(publicUrl, ['/', ...tier1.map((route) => route.path)]);
  report({ publicUrl, adminUrl, adminToken, warmed, endpoints, tookMs: performance.now() - startedMs });
}

/** Two processes render where they share a database server; the embedded database belongs to one. */
async function sitePorts(taken: readonly number[]): Promise<number[]> {
  const first = await freePortFrom(3001, taken);
  if (!process.env['DATABASE_URL'] || availableParallelism() === 1) return [first];
  return [first, await freePortFrom(first + 1, taken)];
}

async function startSites(env: NodeJS.ProcessEnv, ports: readonly number[]): Promise<void> {
  await Promise.all(
    ports.map((port) =>
      launch('site', [join(HERE, 'serve.ts')], { ...env, PORT: String(port) }).ready(
        `http://127.0.0.1:${port}/healthz`,
        READY_WITHIN_MS,
      ),
    ),
  );
}

async function startGateway(env: NodeJS.ProcessEnv, adminUrl: string): Promise<void> {
  const config = join(HERE, 'spillway.config.ts');
  const gateway = launch('spillway', [join(ROOT, 'src/cli/main.ts'), 'start', '--config', config], env);
  await gateway.ready(`${adminUrl}/readyz`, READY_WITHIN_MS);
}

/** A part of the whole: when one goes, so do the others. */
function launch(name: string, args: readonly string[], env: NodeJS.ProcessEnv): Child {
  const child = new Child(name, [...NODE, ...args], env);
  children.push(child);
  void child.exited.then((how) => {
    if (stopping) return;
    console.error(`\nThe ${name} ended by itself (${how}):\n${child.lastOutput}`);
    void stop(1);
  });
  return child;
}

/** Spillway first, so that the site still answers what is on its way. */
function stop(exitCode: number): Promise<void> {
  return (stopping ??= (async () => {
    for (const child of children.toReversed()) await child.stop();
    process.exit(exitCode);
  })());
}
