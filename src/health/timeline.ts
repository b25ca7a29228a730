import type { Clock } from '../kernel/index.ts';

export const CHANGE_KINDS = [
  'start',
  'deploy',
  'reload',
  'scale',
  'worker',
  'upstream',
  'breaker',
  'purge',
  'verdict',
  'alert',
  'action',
] as const;
export type ChangeKind = (typeof CHANGE_KINDS)[number];

/** Something that happened to the service and may explain what the charts show. */
export interface Change {
  /** Rises by one with each change. */
  readonly id: number;
  readonly atMs: number;
  readonly kind: ChangeKind;
  readonly text: string;
  /** `good` and `bad` colour it; `info` is neither. */
  readonly tone: 'info' | 'good' | 'bad';
  /** Who asked for it, where someone did. */
  readonly actor?: string;
}

/** The latest changes, oldest first; at most `limit`, the oldest leave. */
export class Timeline {
  readonly #clock: Clock;
  readonly #limit: number;
  readonly #changes: Change[] = [];
  #lastId = 0;

  constructor(clock: Clock, limit = 500) {
    this.#clock = clock;
    this.#limit = limit;
  }

  get changes(): readonly Change[] {
    return this.#changes;
  }

  add(change: Omit<Change, 'id' | 'atMs'>): Change {
    return this.#keep({ ...change, id: ++this.#lastId, atMs: this.#clock.now() });
  }

  /** Takes back a change of an earlier run. */
  restore(change: Omit<Change, 'id'>): void {
    this.#keep({ ...change, id: ++this.#lastId });
  }

  /** Changes after `id` (0: all). */
  since(id: number): readonly Change[] {
    return this.#changes.filter((change) => change.id > id);
  }

  #keep(change: Change): Change {
    this.#changes.push(change);
    if (this.#changes.length > this.#limit) this.#changes.shift();
    return change;
  }
}
