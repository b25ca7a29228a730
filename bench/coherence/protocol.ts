/** What parent and nodes of the coherence suite tell each other. */
export interface Command {
  readonly id: number;
  readonly op: 'get' | 'burst' | 'busy' | 'delete' | 'invalidateTag' | 'deletePattern' | 'awaitChange';
  readonly key?: string;
  readonly tag?: string;
  readonly ttlMs?: number;
  readonly count?: number;
  readonly forMs?: number;
  readonly value?: number;
  readonly limitMs?: number;
}

export interface Reply {
  readonly kind: 'reply';
  readonly id: number;
  readonly tookMs: number;
  readonly value?: number;
  /**
   * `delete`: when it was acknowledged; `awaitChange`: when the first read that gave another value began,
   * undefined: none did. Monotonic, ms.
   */
  readonly atMs?: number;
  readonly times?: readonly number[];
  readonly error?: string;
}

export type FromNode =
  | Reply
  | { readonly kind: 'load'; readonly id: number; readonly key: string }
  | { readonly kind: 'unhandled'; readonly error: string }
  | { readonly kind: 'ready'; readonly tags: boolean; readonly patterns: boolean };
