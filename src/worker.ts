/** A worker's process: joins the primary, serves the policy the primary was given, answers what it is asked. */
import { createBreakerHints } from './breaker/index.ts';
import { isClusterWorker, joinCluster, type ClusterWorker } from './cluster/index.ts';
import { remoteCounterStore } from './drivers/remote-counter-store.ts';
import { remoteKvStore } from './drivers/remote-kv-store.ts';
import {
  HeardVerdict,
  measureProcess,
  memoryLimitBytes,
  recordHeapProfile,
  type EndpointRequest,
  type LimitsRequest,
  type ShedLevelRequest,
  type VerdictReport,
  type WarmRequest,
} from './health/index.ts';
import type { Proxy } from './gateway/index.ts';
import { ConfigError, messageOf, Metrics, runtimeFrom, SpillwayError, type Runtime } from './kernel/index.ts';
import type { ChangeReport, InvalidationRequest, Pages } from './page/index.ts';
import { createPolicy, findRoutePlan, loadConfig, type Policy, type PolicyFlags } from './policy/index.ts';
import { createSpillway, type Spillway } from './spillway.ts';

/** What a worker needs to make the same policy as its primary: it travels in the environment. */
export interface WorkerTask {
  readonly configPath: string | undefined;
  readonly flags: PolicyFlags;
}

/** Name of the environment variable that holds a {@link WorkerTask} as JSON. */
export const TASK_VARIABLE = 'SPILLWAY_WORKER_TASK';

/** How often the shedder hears how full the memory is. */
const MEMORY_EVERY_MS = 1000;
/** How long the primary may take to say which endpoints are out of use. */
const ANSWER_MS = 5000;
/** How long a worker that ends waits for its last figures to be taken. */
const LAST_WORD_MS = 1000;
/** As many pages of a plan as the queue takes. */
const WARM_AT_ONCE = 1000;
/** sysexits.h: something is wrong with the configuration. */
const EX_CONFIG = 78;

// Not awaited: the config it loads imports `spillway`, which leads back to this module and would wait for it for ever.
if (isClusterWorker()) work(JSON.parse(process.env[TASK_VARIABLE]!) as WorkerTask).catch(giveUp);

async function work(task: WorkerTask): Promise<void> {
  const worker = await joinCluster();
  const runtime = runtimeFrom({ metrics: new Metrics(1000, `worker ${worker.slot}`) });
  measureProcess(runtime);
  const policy = await policyOf(task);
  const verdict = new HeardVerdict(runtime);
  const spillway = createSpillway(
    policy,
    {
      ...(policy.config.redis === undefined && {
        store: remoteKvStore(worker, runtime.clock),
        counters: remoteCounterStore(worker),
      }),
      handleToListenOn: worker.sockets.get('site')!,
      guard: worker.guard,
      healthLevel: () => verdict.level,
    },
    runtime,
  );

  shareOpenings(worker, spillway.proxy);
  worker.onSocket((_, handle) => spillway.listenOn(handle));
  answerPrimary(worker, spillway, runtime, task);
  worker.answer('verdict', (report) => {
    verdict.hear(report as VerdictReport);
    spillway.shedder.report('health', verdict.level);
  });
  const limitBytes = memoryLimitBytes();
  runtime.clock.setRepeating(() => spillway.shedder.report('memory', process.memoryUsage.rss() / limitBytes), MEMORY_EVERY_MS);
  worker.onDrain(async (signal) => {
    await spillway.drain(signal);
    await spillway.stop();
    // What it counted last: with it, its end leaves no dent in any rate.
    await worker.ask('lastMetrics', runtime.metrics.snapshot(), LAST_WORD_MS).catch(() => {});
  });
  for (const endpoint of (await worker.ask('drainedEndpoints', undefined, ANSWER_MS)) as EndpointRequest[])
    drainEndpoint(spillway.proxy, endpoint);
  await spillway.start();
  // Read once more, so that what the start has cost does not look like load.
  runtime.metrics.snapshot();
  worker.ready();
}

/** What the primary, and whoever operates the service through it, may ask of this worker. */
function answerPrimary(worker: ClusterWorker, spillway: Spillway, runtime: Runtime, { configPath }: WorkerTask): void {
  const { pages, limits, shedder, proxy, policy } = spillway;
  worker.answer('metrics', () => runtime.metrics.snapshotInSlices());
  worker.answer('invalidate', (request) => pages.invalidate(request as InvalidationRequest));
  worker.answer('change', (change) => pages.reportChange(change as ChangeReport));
  worker.answer('warm', (request) => warm(pages, policy, configPath, request as WarmRequest));
  worker.answer('limits.peek', (about) => limits.peek((about as LimitsRequest).key, (about as LimitsRequest).route));
  worker.answer('limits.reset', (about) => limits.reset((about as LimitsRequest).key, (about as LimitsRequest).route));
  worker.answer('shedLevel', (request) => {
    const { level, for: holdMs } = request as ShedLevelRequest;
    shedder.report('operator', level, holdMs);
  });
  worker.answer('drainEndpoint', (request) => drainEndpoint(proxy, request as EndpointRequest));
  worker.answer('heapProfile', (forMs) => recordHeapProfile('.spillway', forMs as number, runtime.clock));
}

/** Endpoints that one worker has found failing, the others need not find out call by call. */
function shareOpenings(worker: ClusterWorker, { balancers }: Proxy): void {
  const hints = createBreakerHints(worker.bus);
  for (const { endpoints } of balancers.values()) {
    for (const { breaker } of endpoints) if (breaker) hints.attach(breaker);
  }
}

/** What the endpoint still works on ends in its own time: nobody waits for that. */
function drainEndpoint(proxy: Proxy, { upstream, endpoint, drained }: EndpointRequest): void {
  proxy.drainEndpoint(upstream, endpoint, drained).catch(() => {
    // An endpoint that a new config no longer names.
  });
}

/** Has pages made behind the scenes, each in its turn: those named, or the most deserving ones of the plan. */
async function warm(
  pages: Pages,
  policy: Policy,
  configPath: string | undefined,
  { paths, limit }: WarmRequest,
): Promise<{ queued: number; refused: number }> {
  const named = paths.length > 0 ? paths : await mostDeserving(policy, configPath, limit ?? WARM_AT_ONCE);
  const answers = named.slice(0, limit).map((path) => pages.queueRegeneration(path, 'warm'));
  const queued = answers.filter((answer) => answer.queued).length;
  return { queued, refused: answers.length - queued };
}

async function mostDeserving(
  { config: { routePlan } }: Policy,
  configPath: string | undefined,
  limit: number,
): Promise<string[]> {
  if (routePlan === undefined || configPath === undefined)
    throw new SpillwayError('SPILLWAY_NO_ROUTE_PLAN', 'No paths were named, and the config has no routePlan.');
  const found = await findRoutePlan(routePlan, configPath);
  if (!found.plan) throw new SpillwayError('SPILLWAY_NO_ROUTE_PLAN', `routePlan ${found.why}`);
  return (await found.plan.warmList({ limit })).map(({ path }) => path);
}

/** Says why this worker cannot serve; the primary keeps the ones that can. A wrong config is its writer's to mend: no stack. */
function giveUp(error: unknown): void {
  const wrongConfig = error instanceof ConfigError;
  process.stderr.write(`${wrongConfig || !(error instanceof Error) ? messageOf(error) : error.stack}\n`);
  process.exit(wrongConfig ? EX_CONFIG : 1);
}

async function policyOf({ configPath, flags }: WorkerTask): Promise<Policy> {
  const loaded = configPath === undefined ? undefined : await loadConfig(process.cwd(), configPath);
  return createPolicy(loaded?.config ?? {}, {
    ...(loaded && { file: loaded.file, sourceLines: loaded.sourceLines }),
    flags,
  });
}
