/** What the admin listener does, as questions to the workers. */
import type { Cluster, WorkerAnswer } from './cluster/index.ts';
import type { AdminActions, EndpointRequest, LimitsRequest } from './health/index.ts';
import { SpillwayError } from './kernel/index.ts';
import type { ChangeReceipt, InvalidationReceipt } from './page/index.ts';
import type { ResolvedConfig } from './policy/index.ts';

/** What an operator can have done to the workers of `cluster`, which pass requests on to `upstreams`. */
export function actionsOn(cluster: Cluster, upstreams: ResolvedConfig['upstreams']): Partial<AdminActions> {
  const drainedEndpoints = rememberDrainedEndpoints(cluster);
  return {
    purge: async (request) => merged(await askAll<InvalidationReceipt>(cluster, 'invalidate', request)),
    changes: async (change) => {
      const receipts = await askAll<ChangeReceipt>(cluster, 'change', change);
      const { effect } = receipts[0]!;
      return { effect, receipt: effect === 'now' ? merged(receipts.map(({ receipt }) => receipt!)) : undefined };
    },
    warm: (request) => askOne(cluster, 'warm', request),
    peekLimits: (about) => limitsOf(cluster, about),
    resetLimits: async (about) => {
      await askAll(cluster, 'limits.reset', about);
      return limitsOf(cluster, about);
    },
    drainEndpoint: async (request) => {
      checkEndpoint(upstreams, request);
      drainedEndpoints.set(`${request.upstream} ${request.endpoint}`, request);
      await askAll(cluster, 'drainEndpoint', request);
    },
    drainWorker: ({ id }) => cluster.drainWorker(workerNamed(cluster, id)),
    setShedLevel: async (request) => void (await askAll(cluster, 'shedLevel', request)),
    reload: () => cluster.reload(),
    scale: ({ workers }) => cluster.scale(workers),
    restartWorker: ({ id }) => cluster.replace(workerNamed(cluster, id)),
    heapProfile: async ({ id, for: forMs }) => ({
      file: await cluster.askWorker(workerNamed(cluster, id), 'heapProfile', forMs),
    }),
  };
}

/** Workers that start later ask for it: an endpoint out of use stays so, whatever is reloaded. */
function rememberDrainedEndpoints(cluster: Cluster): Map<string, EndpointRequest> {
  const requests = new Map<string, EndpointRequest>();
  cluster.answer('drainedEndpoints', () => [...requests.values()].filter(({ drained }) => drained));
  return requests;
}

function checkEndpoint(upstreams: ResolvedConfig['upstreams'], { upstream, endpoint }: EndpointRequest): void {
  const known = upstreams[upstream]?.endpoints.map(({ url }) => url) ?? [];
  if (known.includes(endpoint)) return;
  const there = known.length > 0 ? `it has ${known.join(', ')}` : `there are ${Object.keys(upstreams).join(', ') || 'none'}`;
  throw new SpillwayError('SPILLWAY_UPSTREAM_UNKNOWN', `there is no endpoint ${endpoint} of upstream '${upstream}'; ${there}`);
}

/** The counts are the fleet's, so that any worker's answer is everybody's. */
async function limitsOf(cluster: Cluster, about: LimitsRequest): Promise<{ limits: unknown }> {
  return { limits: await askOne(cluster, 'limits.peek', about) };
}

/** What the first worker that is ready answers. */
async function askOne(cluster: Cluster, kind: string, payload: unknown): Promise<unknown> {
  const ready = cluster.status().find(({ state }) => state === 'ready');
  if (!ready) throw new SpillwayError('SPILLWAY_WORKER_FAILED', 'no worker is ready');
  return cluster.askWorker(ready.id, kind, payload);
}

/** @param name as the dashboard shows it, `worker 0`, or the worker's id. */
function workerNamed(cluster: Cluster, name: string): number {
  const found = cluster
    .status()
    .find(
      ({ id, slot, state }) => (state === 'ready' || state === 'drained') && (`worker ${slot}` === name || String(id) === name),
    );
  if (!found) throw new SpillwayError('SPILLWAY_WORKER_FAILED', `there is no worker '${name}' that is ready or drained`);
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
