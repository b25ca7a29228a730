/** The processes around {@link createSpillway}: a primary that owns the ports, its workers, and the admin listener. */
import { extname, join } from 'node:path';
import { createCluster, type Cluster, type WorkerAnswer } from './cluster/index.ts';
import { MemoryKvStore } from './drivers/memory-kv-store.ts';
import { serveKvStore } from './drivers/remote-kv-store.ts';
import { createAdmin, Health, measureProcess, type AdminActions, type WorkerState } from './health/index.ts';
import {
  formatDuration,
  Lifecycle,
  messageOf,
  Metrics,
  runtimeFrom,
  SpillwayError,
  type MetricsSnapshot,
  type Runtime,
} from './kernel/index.ts';
import type { ChangeReceipt, InvalidationReceipt } from './page/index.ts';
import type { Policy, PolicyFlags } from './policy/index.ts';
import { TASK_VARIABLE, type WorkerTask } from './worker.ts';

export interface ServeOptions {
  /** Absolute path of the config file, which each worker loads itself; undefined: there is none. */
  readonly configPath?: string | undefined;
  readonly flags?: PolicyFlags;
}

/** Spillway as it serves. */
export interface Running {
  /** `http://127.0.0.1:8080` */
  readonly siteUrl: string;
  /** Metrics, health, dashboard and control. */
  readonly adminUrl: string;
  /** Says no at /readyz, lets running requests finish, then closes everything. */
  stop(): Promise<void>;
}

/**
 * Serves `policy` until {@link Running.stop}: workers share one port and one store of pages, both owned by this process,
 * which itself only watches and controls.
 * @throws SpillwayError when a port is taken or the workers do not start; ConfigError for an admin listener that would be
 *   open to the network.
 */
export async function startSpillway(policy: Policy, { configPath, flags = {} }: ServeOptions = {}): Promise<Running> {
  const runtime = runtimeFrom({ metrics: new Metrics(1000, 'primary') });
  const { config } = policy;
  const cluster = clusterFor(policy, { configPath, flags }, runtime);
  shareStore(cluster, runtime);
  const health = healthOf(policy, cluster, runtime);
  const lifecycle = new Lifecycle(runtime.clock);
  const admin = createAdmin(
    {
      port: config.admin.port,
      host: config.admin.host,
      ...(config.admin.token !== undefined && { token: config.admin.token }),
      allowedHosts: [...config.admin.allowedHosts],
      health,
      actions: actionsOn(cluster),
      readiness: () => readinessOf(lifecycle, cluster),
    },
    runtime,
  );
  const measuring = measureProcess(runtime);

  // Stopped in the reverse order: probes are answered until the last request is.
  lifecycle.add({ name: 'admin', start: async () => void (await admin.start()), stop: () => admin.stop() });
  lifecycle.add({ name: 'workers', start: () => cluster.start(), stop: () => cluster.stop() });
  lifecycle.add({ name: 'health', start: () => health.start(), stop: () => health.stop() });
  lifecycle.add({ name: 'notice to load balancers', drain: () => runtime.clock.sleep(config.shutdown.delayMs) });
  await lifecycle.start();
  const onHangUp = (): void => {
    cluster
      .reload()
      .catch((error: unknown) => process.emitWarning(`The reload was refused: ${messageOf(error)}`, 'SpillwayWarning'));
  };
  process.on('SIGHUP', onHangUp);

  return {
    siteUrl: urlOf(config.listen.host, cluster.ports['site']!),
    adminUrl: admin.url,
    stop: async () => {
      process.off('SIGHUP', onHangUp);
      await lifecycle.stop(config.shutdown.delayMs + 1000);
      measuring.stop();
    },
  };
}

function clusterFor({ config }: Policy, task: WorkerTask, runtime: Runtime): Cluster {
  const { listen, workers, shutdown } = config;
  // The same file ending as this one: TypeScript in a checkout, JavaScript in the package.
  const file = join(import.meta.dirname, `worker${extname(import.meta.filename)}`);
  return createCluster(
    {
      entry: { file, env: { [TASK_VARIABLE]: JSON.stringify(task) } },
      workers,
      sockets: { site: { host: listen.host, port: listen.port } },
      drainTimeout: shutdown.drainTimeoutMs === 0 ? 0 : formatDuration(shutdown.drainTimeoutMs),
    },
    runtime,
  );
}

/** Pages are made once for all workers, and outlive each of them. */
function shareStore(cluster: Cluster, runtime: Runtime): void {
  const store = new MemoryKvStore({}, runtime);
  const workerGone = serveKvStore(() => store.connect(), cluster);
  cluster.events.on('workerGone', ({ id }) => workerGone(id));
}

function healthOf({ classes, config }: Policy, cluster: Cluster, runtime: Runtime): Health {
  const objectives = Object.values(classes).flatMap(({ name, sloP95Ms }) =>
    sloP95Ms === undefined ? [] : [[name, sloP95Ms] as const],
  );
  const { health, history, slo, alerts } = config;
  const watch = new Health(
    { every: 1000, service: { name: health.name, version: '' }, status: health, history, slo, alerts },
    {
      sources: async () => {
        const answers = await cluster.ask('metrics');
        return [runtime.metrics.snapshot(), ...answers.flatMap((answer) => (answer.ok ? [answer.value as MetricsSnapshot] : []))];
      },
      workers: () =>
        cluster.status().map((worker): WorkerState => ({ name: `worker ${worker.slot}`, state: worker.state, pid: worker.pid })),
      storeName: config.redis === undefined ? 'Shared store' : 'Redis',
      classObjectives: new Map(objectives),
    },
    runtime,
  );
  watch.events.on('notice', ({ text }) => void process.stderr.write(`${text}\n`));
  watch.events.on('fault', ({ what, error }) => void process.stderr.write(`${what}: ${messageOf(error)}\n`));
  return watch;
}

function actionsOn(cluster: Cluster): Partial<AdminActions> {
  return {
    purge: async (request) => merged(await askAll<InvalidationReceipt>(cluster, 'invalidate', request)),
    changes: async (change) => {
      const receipts = await askAll<ChangeReceipt>(cluster, 'change', change);
      const { effect } = receipts[0]!;
      return { effect, receipt: effect === 'now' ? merged(receipts.map(({ receipt }) => receipt!)) : undefined };
    },
    reload: () => cluster.reload(),
    scale: ({ workers }) => cluster.scale(workers),
    restartWorker: ({ id }) => cluster.replace(workerNamed(cluster, id)),
    heapProfile: async ({ id, for: forMs }) => ({
      file: await cluster.askWorker(workerNamed(cluster, id), 'heapProfile', forMs),
    }),
  };
}

/** @param name as the dashboard shows it, `worker 0`, or the worker's id. */
function workerNamed(cluster: Cluster, name: string): number {
  const found = cluster
    .status()
    .find(({ id, slot, state }) => state === 'ready' && (`worker ${slot}` === name || String(id) === name));
  if (!found) throw new SpillwayError('SPILLWAY_WORKER_FAILED', `there is no ready worker '${name}'`);
  return found.id;
}

/** What every worker answers. @throws the first failure: what did not happen everywhere did not happen. */
async function askAll<Answer>(cluster: Cluster, kind: string, payload: unknown): Promise<Answer[]> {
  const answers: readonly WorkerAnswer[] = await cluster.ask(kind, payload);
  const failed = answers.find((answer) => !answer.ok);
  if (failed && !failed.ok) throw failed.error;
  if (answers.length === 0) throw new SpillwayError('SPILLWAY_WORKER_FAILED', 'no worker is ready');
  return answers.map((answer) => (answer as { value: Answer }).value);
}

/** One receipt for all workers: a layer is in force when it is on every one. */
function merged(receipts: readonly InvalidationReceipt[]): InvalidationReceipt {
  const layers = receipts[0]!.layers.map(({ layer }, at) => {
    const each = receipts.map((receipt) => receipt.layers[at]!);
    const latest = each.reduce((a, b) => (b.atMs > a.atMs ? b : a));
    return { ...latest, layer, inForce: each.every((one) => one.inForce), tookMs: Math.max(...each.map((one) => one.tookMs)) };
  });
  return { layers, complete: layers.every((layer) => layer.inForce) };
}

function readinessOf(lifecycle: Lifecycle, cluster: Cluster) {
  const started = lifecycle.state !== 'starting' && lifecycle.state !== 'idle';
  const serving = cluster.status().some((worker) => worker.state === 'ready');
  const reasons = [
    ...(lifecycle.state === 'running' ? [] : [`the service is ${lifecycle.state}`]),
    ...(serving ? [] : ['no worker is ready']),
  ];
  return { started, ready: reasons.length === 0, reasons };
}

function urlOf(host: string, port: number): string {
  const shown = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
  return `http://${shown.includes(':') ? `[${shown}]` : shown}:${port}`;
}
