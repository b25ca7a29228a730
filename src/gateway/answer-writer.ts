/**
 * Where an answer is written, piece by piece: Node's `ServerResponse`, or the {@link SocketAnswer} of a request that never
 * met Node's HTTP server.
 */
export interface AnswerWriter {
  /** Null while the answer to an earlier request of the connection is not complete. */
  readonly socket: { readonly writable: boolean } | null;
  readonly headersSent: boolean;
  readonly destroyed: boolean;
  /** Everything was written. */
  readonly writableFinished: boolean;
  /** Bytes that the kernel has not taken yet. */
  readonly writableLength: number;
  /** Fields: names and values in turn. */
  writeHead(status: number, fields: string[]): unknown;
  writeEarlyHints(hints: Readonly<Record<string, string | string[]>>): void;
  /** False asks for a pause until `drain`. */
  write(chunk: Buffer): boolean;
  /** @param onTaken hears, once, that the bytes were taken from the buffer, or never will be. */
  write(chunk: Buffer, onTaken: () => void): boolean;
  end(): unknown;
  end(last: Buffer | string): unknown;
  end(last: string, encoding: 'latin1'): unknown;
  addTrailers(trailers: Readonly<Record<string, string>>): void;
  /** Breaks the answer off: the connection is cut. */
  destroy(): unknown;
  once(event: 'drain', listener: () => void): unknown;
  /** The answer is complete, or was broken off. */
  on(event: 'close', listener: () => void): unknown;
}
