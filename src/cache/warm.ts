/** How far a {@link warm} has come. */
export interface WarmProgress {
  readonly total: number;
  readonly done: number;
  readonly failed: number;
}

export interface WarmOptions {
  /** How many load at once. Default 8. */
  readonly concurrency?: number;
  readonly onProgress?: (progress: WarmProgress) => void;
  /** Stops after those that are under way. */
  readonly signal?: AbortSignal;
}

/** Does `work` for every key, a few at once; failures are counted, never thrown. */
export async function warm(
  keys: Iterable<string>,
  work: (key: string) => Promise<unknown>,
  { concurrency = 8, onProgress, signal }: WarmOptions = {},
): Promise<WarmProgress> {
  const waiting = [...keys];
  const total = waiting.length;
  let [next, done, failed] = [0, 0, 0];
  const runOne = async (): Promise<void> => {
    for (; next < total; onProgress?.({ total, done: ++done, failed })) {
      if (signal?.aborted) return;
      await work(waiting[next++]!).catch(() => failed++);
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, total) }, runOne));
  return { total, done, failed };
}
