import { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { trailerLines } from './request-trailers.ts';

/** Who hears how the sending of a body goes. */
export interface BodyListener {
  /** So many more bytes were sent. */
  onBodySent(bytes: number): void;
  /** The body broke off, or is not as long as it was announced to be: the request cannot be completed. */
  onBodyBroken(reason: Error): void;
}

/** From so much on, what is freed at once outweighs the freeing. */
const FREED_BYTES = 16_384;

/** Sends a request's body to an endpoint as it comes, at the pace the endpoint takes it. */
export class BodySender {
  readonly #body: Readable;
  readonly #socket: Socket;
  /** As announced; undefined: in chunks. */
  readonly #length: number | undefined;
  readonly #listener: BodyListener;
  /** Whether the body comes from a connection, and to nobody but us: then what was sent is used up. */
  readonly #isOurs: boolean;
  #sentBytes = 0;
  #stopped = false;
  /** Whether all of it was written. */
  complete = false;
  readonly #onData = (chunk: Buffer): void => this.#send(chunk);
  readonly #onEnd = (): void => this.#end();
  readonly #onClose = (): void => this.#broken(new Error('the body broke off'));
  readonly #onError = (error: Error): void => this.#broken(error);
  readonly #onDrain = (): void => void this.#body.resume();

  constructor(body: Readable, socket: Socket, length: number | undefined, listener: BodyListener) {
    this.#body = body;
    this.#socket = socket;
    this.#length = length;
    this.#listener = listener;
    this.#isOurs = body instanceof IncomingMessage && body.listenerCount('data') === 0;
  }

  start(): void {
    this.#body.on('error', this.#onError);
    if (this.#body.destroyed && !this.#body.readableEnded) return this.#onClose();
    this.#socket.on('drain', this.#onDrain);
    this.#body.on('end', this.#onEnd);
    this.#body.on('close', this.#onClose);
    this.#body.on('data', this.#onData);
    this.#body.resume();
  }

  /** Nobody wants the rest. It is still read, so that it does not stand in the way of what comes behind it. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#socket.off('drain', this.#onDrain);
    this.#body.off('data', this.#onData);
    this.#body.off('end', this.#onEnd);
    this.#body.off('close', this.#onClose);
    if (!this.complete) this.#body.resume();
  }

  #send(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.#sentBytes += chunk.length;
    if (this.#length !== undefined && this.#sentBytes > this.#length) return this.#broken(tooLong);
    this.#listener.onBodySent(chunk.length);
    // The listener may have had enough.
    if (this.#stopped) return;
    // What is larger than a stream's mark is always answered "wait", also when the kernel has taken all of it.
    if (!this.#write(chunk) && this.#socket.writableLength > 0) this.#body.pause();
  }

  #write(chunk: Buffer): boolean {
    const onTaken = this.#isUsedUp(chunk) ? freeing(chunk) : undefined;
    if (this.#length !== undefined) return this.#socket.write(chunk, onTaken);
    this.#socket.cork();
    this.#socket.write(`${chunk.length.toString(16)}\r\n`, 'latin1');
    this.#socket.write(chunk, onTaken);
    const more = this.#socket.write('\r\n', 'latin1');
    this.#socket.uncork();
    return more;
  }

  /** Whether nobody has the memory of this piece beside us: neither a second listener, nor other bytes that lie in it. */
  #isUsedUp({ length, buffer }: Buffer): boolean {
    return this.#isOurs && length >= FREED_BYTES && length === buffer.byteLength && this.#body.listenerCount('data') === 1;
  }

  #end(): void {
    if (this.#length !== undefined && this.#sentBytes < this.#length) return this.#broken(tooShort);
    if (this.#length === undefined) this.#socket.write(`0\r\n${trailerLines(this.#body)}\r\n`, 'latin1');
    this.complete = true;
    this.stop();
  }

  #broken(reason: Error): void {
    if (this.#stopped) return;
    this.stop();
    this.#listener.onBodyBroken(reason);
  }
}

const tooLong = new Error('the body is longer than its Content-Length');
const tooShort = new Error('the body is shorter than its Content-Length');

/**
 * Frees the memory of a piece once the kernel has it. Left to the collector, the pieces of thirty bodies of 1 MiB would have
 * it mark the whole heap: more than half of what a body costs.
 */
function freeing({ buffer }: Buffer): (error?: Error | null) => void {
  return (error) => {
    if (!error) (buffer as ArrayBuffer).transfer(0);
  };
}
