import type { Duplex } from 'node:stream';
import type { Clock } from '../kernel/index.ts';
import { readStatically } from './static-reader.ts';
import { CLOSE_RESTARTING, FrameBoundary } from './websocket-frames.ts';

/** How long a client may take to answer a close frame, ms. */
const CLOSE_MS = 3000;

/** Two connections joined after an upgrade: what one sends, the other gets, at the pace it takes it. */
export class Tunnel {
  #client: Duplex;
  #upstream: Duplex;
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
    if (fromClient.length > 0) this.#upstream.write(fromClient);
    const client: Duplex = readStatically(this.#client, (bytes) => pass(bytes, client, upstream));
    const upstream: Duplex = readStatically(this.#upstream, (bytes) => {
      if (this.#told) return;
      this.#frames?.follow(bytes);
      pass(bytes, upstream, client);
      if (this.#closing) this.#tellClient();
    });
    [this.#client, this.#upstream] = [client, upstream];
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

function pass(bytes: Buffer, from: Duplex, to: Duplex): void {
  const more = bytes.length <= TEXT_BYTES ? to.write(bytes.toString('latin1'), 'latin1') : to.write(Buffer.from(bytes));
  if (more || to.writableLength === 0) return;
  from.pause();
  to.once('drain', () => from.resume());
}
