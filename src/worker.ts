/** A worker's process: joins the primary, serves the policy the primary was given, answers what it is asked. */
import { isClusterWorker, joinCluster } from './cluster/index.ts';
import { remoteKvStore } from './drivers/remote-kv-store.ts';
import { measureProcess, recordHeapProfile } from './health/index.ts';
import { ConfigError, messageOf, Metrics, runtimeFrom } from './kernel/index.ts';
import type { ChangeReport, InvalidationRequest } from './page/index.ts';
import { createPolicy, loadConfig, type Policy, type PolicyFlags } from './policy/index.ts';
import { createSpillway } from './spillway.ts';

/** What a worker needs to make the same policy as its primary: it travels in the environment. */
export interface WorkerTask {
  readonly configPath: string | undefined;
  readonly flags: PolicyFlags;
}

/** Name of the environment variable that holds a {@link WorkerTask} as JSON. */
export const TASK_VARIABLE = 'SPILLWAY_WORKER_TASK';

/** sysexits.h: something is wrong with the configuration. */
const EX_CONFIG = 78;

// Not awaited: the config it loads imports `spillway`, which leads back to this module and would wait for it for ever.
if (isClusterWorker()) work(JSON.parse(process.env[TASK_VARIABLE]!) as WorkerTask).catch(giveUp);

async function work(task: WorkerTask): Promise<void> {
  const worker = await joinCluster();
  const runtime = runtimeFrom({ metrics: new Metrics(1000, `worker ${worker.slot}`) });
  measureProcess(runtime);
  const policy = await policyOf(task);
  const spillway = createSpillway(
    policy,
    {
      ...(policy.config.redis === undefined && { store: remoteKvStore(worker, runtime.clock) }),
      handleToListenOn: worker.sockets.get('site')!,
    },
    runtime,
  );

  worker.onSocket((_, handle) => spillway.listenOn(handle));
  worker.answer('metrics', () => runtime.metrics.snapshot());
  worker.answer('invalidate', (request) => spillway.pages.invalidate(request as InvalidationRequest));
  worker.answer('change', (change) => spillway.pages.reportChange(change as ChangeReport));
  worker.answer('heapProfile', (forMs) => recordHeapProfile('.spillway', forMs as number, runtime.clock));
  worker.onDrain(async (signal) => {
    await spillway.drain(signal);
    await spillway.stop();
  });
  await spillway.start();
  worker.ready();
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
