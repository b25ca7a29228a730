/** Where a run stands; emitted twice a second. */
export interface LoadProgress {
  readonly elapsedMs: number;
  readonly durationMs: number;
  readonly planned: number;
  readonly sent: number;
  readonly answered: number;
  readonly failed: number;
  readonly inFlight: number;
  /** Over about the last second: answers a second, and latencies from the intended time in ms. */
  readonly recent: {
    readonly ratePerSecond: number;
    readonly p50: number | null;
    readonly p99: number | null;
    readonly lagMs: number;
    /** Share of the time the busiest worker's event loop was busy. */
    readonly busy: number;
  };
}

/** What a run reports while it goes on. */
export interface LoadEvents {
  /** The target was found, setup is done, the first request leaves now. */
  started: { readonly target: string; readonly arrival: string; readonly durationMs: number };
  progress: LoadProgress;
}
