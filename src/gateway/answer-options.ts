import type { ProxySettings } from './options.ts';

/** How answers that pass through are compressed and tagged; one for all requests of a proxy. */
export class AnswerOptions {
  readonly codings: ProxySettings['compression']['encodings'];
  readonly minBytes: number;
  readonly etags: boolean;
  readonly #most: number;
  #running = 0;

  constructor({ compression, etags }: Pick<ProxySettings, 'compression' | 'etags'>) {
    this.codings = compression.encodings;
    this.minBytes = compression.minBytes;
    this.#most = MOST_COMPRESSIONS;
    this.etags = etags;
  }

  /** Whether one more answer may be compressed now; when so, {@link endCompression} must follow. */
  beginCompression(): boolean {
    if (this.#running >= this.#most) return false;
    this.#running++;
    return true;
  }

  endCompression(): void {
    this.#running--;
  }
}

/** Answers compressed at once in one process; more go as they are, so that CPU is left for serving. */
const MOST_COMPRESSIONS = 32;
