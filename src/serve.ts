/** The processes around {@link createSpillway}: a primary that owns the ports, its workers, and the admin listener. */
import { hostname } from 'node:os';
import { extname, join } from 'node:path';
import { createCluster, type Cluster, type WorkerStatus } from './cluster/index.ts';
import { actionsOn } from './control.ts';
import { MemoryCounterStore } from './drivers/memory-counter-store.ts';
import { MemoryKvStore } from './drivers/memory-kv-store.ts';
import { createRedisCommands, type RedisCommands } from './drivers/redis-commands.ts';
import { serveCounterStore } from './drivers/remote-counter-store.ts';
import { serveKvStore } from './drivers/remote-kv-store.ts';
import {
  createAdmin,
  createRedisHistory,
  Health,
  measureProcess,
  otlpExportFrom,
  type OtlpExport,
  type WorkerState,
} from './health/index.ts';
import {
  formatDuration,
  Lifecycle,
  messageOf,
  Metrics,
  packageVersion,
  runtimeFrom,
  type MetricsSnapshot,
  type Part,
  type Runtime,
} from './kernel/index.ts';
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
  shareStores(cluster, runtime);
  const history = historyCommands(policy, runtime);
  const health = healthOf(policy, cluster, history, runtime);
  const lifecycle = new Lifecycle(runtime.clock);
  const admin = createAdmin(
    {
      port: config.admin.port,
      host: config.admin.host,
      ...(config.admin.token !== undefined && { token: config.admin.token }),
      allowedHosts: [...config.admin.allowedHosts],
      health,
      actions: actionsOn(cluster, config.upstreams),
      readiness: () => readinessOf(lifecycle, cluster),
    },
    runtime,
  );
  const measuring = measureProcess(runtime);

  // Stopped in the reverse order: probes are answered until the last request is.
  lifecycle.add({ name: 'admin', start: async () => void (await admin.start()), stop: () => admin.stop() });
  lifecycle.add({ name: 'workers', start: () => cluster.start(), stop: () => cluster.stop() });
  lifecycle.add({
    name: 'health',
    start: () => health.start(),
    stop: async () => {
      await health.stop();
      history?.close();
    },
  });
  lifecycle.add(metricsSender(config, health, runtime));
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

/** Pages are made once for all workers, limits hold for all of them together, and both outlive each worker. */
function shareStores(cluster: Cluster, runtime: Runtime): void {
  const pages = new MemoryKvStore({}, runtime);
  const counters = new MemoryCounterStore({}, runtime);
  const noPages = serveKvStore(() => pages.connect(), cluster);
  const noCounters = serveCounterStore(() => counters.connect(), cluster);
  cluster.events.on('workerGone', ({ id }) => {
    noPages(id);
    noCounters(id);
  });
}

/** History is kept in a file where one is named, else in Redis where there is one, else in memory. */
function historyCommands({ config }: Policy, runtime: Runtime): RedisCommands | undefined {
  if (config.redis === undefined || config.history.file !== undefined) return undefined;
  return createRedisCommands({ url: config.redis }, runtime);
}

function healthOf({ classes, config }: Policy, cluster: Cluster, kept: RedisCommands | undefined, runtime: Runtime): Health {
  const objectives = Object.values(classes).flatMap(({ name, sloP95Ms }) =>
    sloP95Ms === undefined ? [] : [[name, sloP95Ms] as const],
  );
  const { health, history, slo, alerts } = config;
  const watch = new Health(
    {
      every: 1000,
      service: { name: health.name, version: health.version ?? packageVersion() },
      status: health,
      history,
      slo,
      alerts,
    },
    {
      sources: async () => {
        // Those that end are asked too: what they still answer counts.
        const workers = cluster.status().filter(({ state }) => state === 'ready' || state === 'draining');
        const answers = await Promise.allSettled(workers.map(({ id }) => cluster.askWorker(id, 'metrics')));
        const snapshots = answers.flatMap((answer, at) =>
          answer.status === 'fulfilled' ? [{ ...(answer.value as MetricsSnapshot), worker: nameOf(workers[at]!) }] : [],
        );
        return [await runtime.metrics.snapshotInSlices(), ...snapshots];
      },
      workers: () =>
        cluster.status().map((worker): WorkerState => ({ name: nameOf(worker), state: worker.state, pid: worker.pid })),
      storeName: config.redis === undefined ? 'Shared store' : 'Redis',
      classObjectives: new Map(objectives),
      ...(kept && { historyStore: createRedisHistory({ send: kept.send, node: hostname() }) }),
    },
    runtime,
  );
  watch.events.on('verdict', (report) => void cluster.ask('verdict', report));
  cluster.answer('lastMetrics', (snapshot) => watch.take(snapshot as MetricsSnapshot));
  watch.events.on('notice', ({ text }) => void process.stderr.write(`${text}\n`));
  watch.events.on('fault', ({ what, error }) => void process.stderr.write(`${what}: ${messageOf(error)}\n`));
  return watch;
}

/** The OpenTelemetry packages are optional: they are only asked for when the config names a collector. */
function metricsSender({ otlp }: Policy['config'], health: Health, runtime: Runtime): Part {
  let sending: OtlpExport | undefined;
  return {
    name: 'OTLP',
    start: async () => {
      if (!otlp) return;
      sending = await otlpExportFrom(health, otlp, runtime);
      sending.events.on(
        'failed',
        ({ error }) => void process.stderr.write(`The collector took no metrics: ${messageOf(error)}\n`),
      );
    },
    stop: () => sending?.stop(),
  };
}

/** One that ends stands beside its successor of the same slot, so it has a name of its own. */
function nameOf({ slot, state }: WorkerStatus): string {
  return state === 'draining' ? `worker ${slot} (draining)` : `worker ${slot}`;
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
