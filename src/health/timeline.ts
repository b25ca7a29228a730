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
  #changes: Change[] = [];
  #lastId: number;

  constructor(clock: Clock, limit = 500) {
    this.#clock = clock;
    this.#limit = limit;
    // The numbers below are those of an earlier run's, whenever they are taken back.
    this.#lastId = limit;
  }

  get changes(): readonly Change[] {
    return this.#changes;
  }

  add(change: Omit<Change, 'id' | 'atMs'>): Change {
    const added = { ...change, id: ++this.#lastId, atMs: this.#clock.now() };
    this.#changes.push(added);
    if (this.#changes.length > this.#limit) this.#changes.shift();
    return added;
  }

  /** Takes back what an earlier run kept, oldest first: it goes before what happened since. */
  restore(changes: readonly Omit<Change, 'id'>[]): void {
    const firstId = this.#changes[0]?.id ?? this.#lastId + 1;
    const room = Math.min(this.#limit - this.#changes.length, firstId - 1);
    const kept = room > 0 ? changes.slice(-room) : [];
    this.#changes = [...kept.map((change, at) => ({ ...change, id: firstId - kept.length + at })), ...this.#changes];
  }

  /** Changes after `id` (0: all). */
  since(id: number): readonly Change[] {
    return this.#changes.filter((change) => change.id > id);
  }
}
