export interface ClusterEvents {
  workerReady: { readonly id: number; readonly slot: number; readonly pid: number };
  /** A worker ended that was not asked to. `restartMs`: when its successor starts. */
  workerFailed: { readonly id: number; readonly slot: number; readonly reason: string; readonly restartMs: number };
  /** A worker was silent for too long and is being replaced. */
  workerStuck: { readonly id: number; readonly slot: number; readonly pid: number };
  /** A worker holds more memory than it may and is being replaced. */
  workerTooLarge: { readonly id: number; readonly slot: number; readonly memoryBytes: number };
  /** The number of workers changed. `why`: `load` when the cluster itself decided. */
  scaled: { readonly workers: number; readonly why: 'asked' | 'load' };
  /** A request was in flight whenever a worker died; it is refused for `forMs`. `fingerprint`: method and target. */
  requestQuarantined: { readonly fingerprint: string; readonly deaths: number; readonly forMs: number };
  workerGone: { readonly id: number; readonly slot: number };
}
