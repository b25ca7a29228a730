import type { ClusterSettings } from './options.ts';

/**
 * Decides from the workers' event-loop utilisation when one more or one fewer should serve. Loads must last: up is decided
 * in seconds, down in a minute, so that a cluster does not swing.
 */
export class LoadWatch {
  readonly #settings: ClusterSettings['scaling'];
  #busySinceMs: number | undefined;
  #idleSinceMs: number | undefined;

  constructor(settings: ClusterSettings['scaling']) {
    this.#settings = settings;
  }

  /** 1: add a worker, −1: take one away, 0: stay. */
  decide(utilisations: readonly number[], nowMs: number): -1 | 0 | 1 {
    if (utilisations.length === 0) return 0;
    const mean = utilisations.reduce((sum, value) => sum + value, 0) / utilisations.length;
    const { up, upAfterMs, down, downAfterMs } = this.#settings;
    // With one worker less, the others must stay clear of the upper bound.
    const spare = utilisations.length > 1 && (mean * utilisations.length) / (utilisations.length - 1) < up;
    this.#busySinceMs = mean > up ? (this.#busySinceMs ?? nowMs) : undefined;
    this.#idleSinceMs = mean < down && spare ? (this.#idleSinceMs ?? nowMs) : undefined;
    if (this.#busySinceMs !== undefined && nowMs - this.#busySinceMs >= upAfterMs) return this.#decided(1);
    if (this.#idleSinceMs !== undefined && nowMs - this.#idleSinceMs >= downAfterMs) return this.#decided(-1);
    return 0;
  }

  /** What was seen so far led to this; the next decision starts from nothing. */
  #decided(change: -1 | 1): -1 | 1 {
    this.#busySinceMs = this.#idleSinceMs = undefined;
    return change;
  }
}
