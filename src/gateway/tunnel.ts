import type { Duplex } from 'node:stream';
import type { Clock } from '../kernel/index.ts';
import { CLOSE_RESTARTING, FrameBoundary } from './websocket-frames.ts';

/** How long a client may take to answer a close frame, ms. */
const CLOSE_MS = 3000;

/** Two connections joined after an upgrade: what one sends, the other gets, at the pace it takes it. */
export class Tunnel {
  readonly #client: Duplex;
  readonly #upstream: Duplex;
  readonly #clock: Clock;
  readonly #frames: FrameBoundary | undefined;
  readonly #onClosed: () => void;
  #closing = false;
  #told = false;
  #closed = false;

  constructor(client: Duplex, upstream: Duplex, isWebSocket: boolean, clock: Clock, onClosed: () => void) {
    this.#client = client;
    this.#upstream = upstream;
    this.#clock = clock;
    this.#frames = isWebSocket ? new FrameBoundary() : undefined;
    this.#onClosed = onClosed;
  }

  /** @param fromClient what the client sent right behind its request. */
  join(fromClient: Buffer): void {
    const [client, upstream] = [this.#client, this.#upstream];
    if (fromClient.length > 0) upstream.write(fromClient);
    client.on('data', (chunk: Buffer) => pass(chunk, client, upstream));
    upstream.on('data', (chunk: Buffer) => {
      if (this.#told) return;
      this.#frames?.follow(chunk);
      pass(chunk, upstream, client);
      if (this.#closing) this.#tellClient();
    });
    client.on('end', () => upstream.end());
    upstream.on('end', () => client.end());
    for (const side of [client, upstream]) {
      side.on('error', () => this.destroy());
      side.on('close', () => this.destroy());
    }
    client.resume();
    upstream.resume();
  }

  /**
   * Ends by the protocol: a WebSocket client gets close frame 1012 between two frames, and its answer goes on to the
   * upstream. What is no WebSocket is cut, since nobody knows how its protocol says goodbye.
   */
  close(): void {
    if (this.#closing) return;
    this.#closing = true;
    if (this.#frames) this.#tellClient();
    else this.destroy();
  }

  destroy(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#client.destroy();
    this.#upstream.destroy();
    this.#onClosed();
  }

  #tellClient(): void {
    if (!this.#frames!.between || this.#told) return;
    this.#told = true;
    this.#client.write(CLOSE_RESTARTING);
    this.#clock.setTimer(() => this.destroy(), CLOSE_MS);
  }
}

/** Up to this size bytes are written as text: Node hands a short one to the kernel for less than the same bytes in a buffer. */
const TEXT_BYTES = 16 * 1024;

function pass(chunk: Buffer, from: Duplex, to: Duplex): void {
  const more = chunk.length <= TEXT_BYTES ? to.write(chunk.toString('latin1'), 'latin1') : to.write(chunk);
  if (more || to.writableLength === 0) return;
  from.pause();
  to.once('drain', () => from.resume());
}
