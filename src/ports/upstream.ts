import type { Readable } from 'node:stream';

/**
 * A request for an upstream. The upstream itself removes hop-by-hop fields and adds forwarding fields (`Forwarded`,
 * `X-Forwarded-*`, `Via`) from `clientIp`, `scheme` and `authority`.
 */
export interface UpstreamRequest {
  /** Name of the upstream in the policy; undefined where the application itself answers. */
  readonly upstream: string | undefined;
  readonly method: string;
  readonly scheme: 'http' | 'https';
  /** The host the client asked for; sent as `Host`. */
  readonly authority: string;
  /** Path and query. */
  readonly target: string;
  /** Names (lower-case) and values in turn. */
  readonly headers: readonly string[];
  readonly body: Readable | Uint8Array | undefined;
  /** How long until the response head, ms. */
  readonly timeoutMs: number;
  /** undefined for requests Spillway makes by itself, such as a regeneration. */
  readonly clientIp?: string;
  /** For strategies that hash: what to hash instead of the client's address. */
  readonly hashKey?: string;
}

/** Takes an upstream's answer piece by piece. Exactly one of `onEnd` and `onError` is called, once, last. */
export interface UpstreamReceiver {
  /** A 1xx answer, such as 103 Early Hints. */
  onInformation?(status: number, headers: readonly string[]): void;
  /** Names (lower-case) and values in turn, hop-by-hop headers removed. */
  onHead(status: number, headers: readonly string[]): void;
  /** False asks for a pause until {@link UpstreamExchange.resume}. */
  onData(chunk: Buffer): boolean | void;
  /** Whether pieces of the body that has begun may be lent through {@link onLent} in place of being given through `onData`. */
  readonly borrows?: boolean;
  /**
   * Bytes that stay valid only until `giveBack` is called, which has to happen once, whatever becomes of the answer. False
   * asks for a pause until then.
   */
  onLent?(bytes: Buffer, giveBack: () => void): boolean;
  onEnd(trailers: readonly string[]): void;
  /** A fault: no answer, or one that broke off (when `onHead` came before). Always a SpillwayError. */
  onError(error: Error): void;
}

export interface UpstreamExchange {
  resume(): void;
  /** Gives up; the receiver hears `onError` once more if it has not heard the end. */
  abort(reason: Error): void;
}

/** Whoever can answer requests: the gateway's proxy over its balanced endpoints, or the application itself. */
export interface Upstream {
  dispatch(request: UpstreamRequest, receiver: UpstreamReceiver): UpstreamExchange;
}
