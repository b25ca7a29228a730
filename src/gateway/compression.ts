import type { Coding } from './content-coding.ts';

/** Codings offered, best first. */
export const CODINGS: readonly Coding[] = ['zstd', 'br', 'gzip'];

/** Answers compressed at once in one process; more go as they are, so that CPU is left for serving. */
const MOST_COMPRESSIONS = 32;

/** How answers that pass through are compressed; one for all requests of a proxy. */
export class Compression {
  readonly minBytes: number;
  #running = 0;

  constructor(minBytes: number) {
    this.minBytes = minBytes;
  }

  /** Whether one more answer may be compressed now; when so, {@link end} must follow. */
  begin(): boolean {
    if (this.#running >= MOST_COMPRESSIONS) return false;
    this.#running++;
    return true;
  }

  end(): void {
    this.#running--;
  }
}
