/**
 * Why a request has no answer.
 * - `connect`: the connection could not be made (refused, unreachable, TLS).
 * - `closed`: the peer closed the connection before the answer was whole; `reset`: it broke off.
 * - `timeout`: no whole answer within the timeout.
 * - `protocol`: the peer broke the protocol.
 * - `late`: never sent, because no connection came free within the timeout.
 * - `unfinished`: still waiting when the run ended.
 */
export type Fault = 'connect' | 'closed' | 'reset' | 'timeout' | 'protocol' | 'late' | 'unfinished';

/** An answer. `head` and `body` are kept only where the exchange asked for them. */
export interface Answer {
  readonly status: number;
  /** The head as received, in latin1: status line and fields (for HTTP/2 in the same form). */
  readonly head: string;
  readonly body: Buffer;
  /** Bytes of body received, kept or not. */
  readonly bodyBytes: number;
}

/** One request on its way, with what becomes of it. Exactly one of `answered` and `failed` is called, once. */
export interface Exchange {
  readonly request: EncodedRequest;
  /** Whether head and body are to be kept. */
  readonly keep: boolean;
  /** When it was handed to the connection, monotonic ms. Set by the transport. */
  writtenMs: number;
  /** `atMs`: when the answer was whole, monotonic ms. */
  answered(answer: Answer, atMs: number): void;
  failed(fault: Fault, detail: string): void;
}

/** A request in every form a transport may need; made once and sent as often as wanted. */
export interface EncodedRequest {
  readonly method: string;
  readonly path: string;
  /** Names (lower-case) and values in turn, without Host and Content-Length. */
  readonly headers: readonly string[];
  readonly body: Buffer | undefined;
  /** Head and body as HTTP/1.1 bytes. */
  readonly http1: Buffer;
  /** Whether it may be sent again when a reused connection turns out to be closed (RFC 9110, 9.2.2). */
  readonly idempotent: boolean;
}

export interface TransportStats {
  readonly bytesRead: number;
  readonly bytesWritten: number;
  readonly connectionsOpened: number;
  /** Requests sent again because a kept-alive connection had been closed under them. */
  readonly resent: number;
}

/** Carries requests to one origin over a bounded number of connections. */
export interface Transport {
  /** Opens what can be opened before the first request. */
  open(): Promise<void>;
  /** How many requests can be sent now without waiting. */
  readonly free: number;
  /** Since when `free` has not been 0, monotonic ms. */
  readonly freeSinceMs: number;
  /**
   * Sends on a free connection, most recently used first. Call it only while `free` is above 0. `nowMs`: the clock as
   * just read by whoever sends, monotonic ms; reading it again would cost a fiftieth of the whole request.
   */
  send(exchange: Exchange, nowMs: number): void;
  /** Called whenever a connection comes free. */
  onFree: () => void;
  readonly stats: TransportStats;
  /** Ends every connection; what still waits fails as `unfinished`. */
  close(): void;
}
