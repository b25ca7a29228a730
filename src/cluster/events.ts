export interface ClusterEvents {
  workerReady: { readonly id: number; readonly slot: number; readonly pid: number };
  /** A worker ended that was not asked to. `restartMs`: when its successor starts. */
  workerFailed: { readonly id: number; readonly slot: number; readonly reason: string; readonly restartMs: number };
  /** A worker was silent for too long and is being replaced. */
  workerStuck: { readonly id: number; readonly slot: number; readonly pid: number };
  workerGone: { readonly id: number; readonly slot: number };
}
