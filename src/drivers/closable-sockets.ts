import { setMaxListeners } from 'node:events';

interface Reconnecting {
  readonly reconnectStrategy: (attempts: number) => number;
}

/**
 * Socket options of a cluster client that can be closed for good. node-redis, closed while it asks a node who has which slots,
 * opens connections to all of them with the answer, and keeps them: only what its sockets are made of reaches those.
 */
export class ClosableSockets<Options extends Reconnecting> {
  readonly #end = new AbortController();
  readonly options: Omit<Options, 'reconnectStrategy'> & {
    signal: AbortSignal;
    reconnectStrategy(attempts: number): number | false;
  };

  constructor(options: Options) {
    const { signal } = this.#end;
    // One for each node, and more while nodes come and go.
    setMaxListeners(0, signal);
    this.options = {
      ...options,
      signal,
      reconnectStrategy: (attempts) => !signal.aborted && options.reconnectStrategy(attempts),
    };
  }

  /** To be called after the client was told to close; its sockets end, and so does each it still makes. */
  close(): void {
    this.#end.abort();
  }
}
