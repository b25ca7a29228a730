/** What the soak and its processes tell each other. Times are ms on the machine's monotonic clock. */

/** How a process finds its servers: it knows each by its port, and reaches it by the other. */
export interface NodeSettings {
  readonly coherence: 'tracking' | 'pubsub';
  readonly cluster: boolean;
  readonly ports: readonly (readonly [server: number, link: number])[];
}

export type Change =
  | { readonly by: 'key'; readonly key: number }
  | { readonly by: 'tag'; readonly tag: number }
  | { readonly by: 'pattern'; readonly tag: number };

export type ToNode =
  | { readonly kind: 'invalidate'; readonly id: number; readonly change: Change }
  /** These keys were at least at these versions from then on, by an invalidation that was acknowledged. */
  | {
      readonly kind: 'acknowledged';
      readonly atMs: number;
      readonly versions: readonly (readonly [key: number, version: number])[];
    }
  | { readonly kind: 'loaded'; readonly id: number; readonly version: number };

export type FromNode =
  | { readonly kind: 'ready' }
  | { readonly kind: 'load'; readonly id: number; readonly key: number }
  | { readonly kind: 'invalidated'; readonly id: number; readonly atMs: number }
  | { readonly kind: 'tally'; readonly tally: Tally }
  | { readonly kind: 'unhandled'; readonly error: string };

export interface Tally {
  readonly reads: number;
  /** Reads that gave a value older than `MAX_STALENESS_MS` after an acknowledged invalidation. */
  readonly tooOld: number;
  /** How long after an acknowledged invalidation an older value was still given, at most. */
  readonly oldestMs: number;
  readonly failed: number;
}

export const KEYS = 400;
export const TAGS = 20;
export const MAX_STALENESS_MS = 2000;

export const tagOf = (key: number): number => key % TAGS;
export const nameOf = (key: number): string => `plan:${tagOf(key)}:${key}`;
export const nowMs = (): number => Number(process.hrtime.bigint()) / 1e6;
