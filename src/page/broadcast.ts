import type { ServerResponse } from 'node:http';

/** One client that an answer is streamed to. */
interface Listener {
  readonly response: ServerResponse;
  blocked: boolean;
}

/**
 * Streams one body to any number of clients while it arrives. While it is kept for storing, the body's bound limits
 * memory and no client slows the others down; once it is not, the slowest client sets the pace.
 */
export class Broadcast {
  readonly #maxBytes: number;
  readonly #onDrain: () => void;
  readonly #onDeserted: () => void;
  readonly #listeners = new Set<Listener>();
  #kept: Buffer[] | undefined = [];
  #bytes = 0;

  /**
   * @param onDrain called when a paced stream may go on.
   * @param onDeserted called when the last client has gone.
   */
  constructor(maxBytes: number, onDrain: () => void, onDeserted: () => void) {
    this.#maxBytes = maxBytes;
    this.#onDrain = onDrain;
    this.#onDeserted = onDeserted;
  }

  /** Whether the whole body so far is in memory, so that a client can still join. */
  get isKept(): boolean {
    return this.#kept !== undefined;
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  /** Stops keeping the body. */
  forget(): void {
    this.#kept = undefined;
  }

  /** Adds a client whose head has been written; it gets what came so far. */
  join(response: ServerResponse): void {
    const listener: Listener = { response, blocked: false };
    for (const chunk of this.#kept ?? []) listener.blocked = !response.write(chunk);
    this.#listeners.add(listener);
    response.on('drain', () => {
      listener.blocked = false;
      if (!this.#isBlocked()) this.#onDrain();
    });
    response.once('close', () => this.#leave(listener));
  }

  /** False asks the source to pause. */
  push(chunk: Buffer): boolean {
    this.#bytes += chunk.length;
    if (this.#kept && this.#bytes > this.#maxBytes) this.#kept = undefined;
    this.#kept?.push(chunk);
    for (const listener of this.#listeners) if (!listener.response.write(chunk)) listener.blocked = true;
    return this.#kept !== undefined || !this.#isBlocked();
  }

  /** Ends every client's answer; the whole body where it was kept. */
  end(trailers: readonly string[]): Buffer | undefined {
    for (const { response } of this.#listeners) {
      if (trailers.length > 0) response.addTrailers(pairs(trailers));
      response.end();
    }
    this.#listeners.clear();
    return this.#kept && (this.#kept.length === 1 ? this.#kept[0] : Buffer.concat(this.#kept));
  }

  /** Breaks every client's answer off: it must not look whole. */
  destroy(): void {
    for (const { response } of this.#listeners) response.destroy();
    this.#listeners.clear();
  }

  #isBlocked(): boolean {
    for (const listener of this.#listeners) if (listener.blocked) return true;
    return false;
  }

  #leave(listener: Listener): void {
    if (!this.#listeners.delete(listener)) return;
    if (this.#listeners.size === 0) this.#onDeserted();
    else if (listener.blocked && !this.#isBlocked()) this.#onDrain();
  }
}

function pairs(trailers: readonly string[]): [string, string][] {
  return Array.from({ length: trailers.length / 2 }, (_, at) => [trailers[at * 2]!, trailers[at * 2 + 1]!]);
}
