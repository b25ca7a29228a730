export { createCluster, type Cluster, type WorkerAnswer, type WorkerStatus } from './cluster.ts';
export type { ClusterEvents } from './events.ts';
export { clusterSchema, type ClusterOptions, type ClusterSettings } from './options.ts';
export type { RequestSketch } from './fingerprint.ts';
export type { GuardedRequest, RequestGuard } from './request-guard.ts';
export type { WorkerState } from './worker-process.ts';
export { isClusterWorker, joinCluster, type ClusterWorker } from './worker.ts';
