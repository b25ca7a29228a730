import type { RoutePolicy } from '../policy/index.ts';

/** A stored answer that can be written to a socket as it is. */
export interface PreparedAnswer {
  readonly route: RoutePolicy;
  readonly status: number;
  /**
   * The whole head, status line to blank line, with `Content-Length`, `Date`, `Age` and `Cache-Status` true for the
   * second `nowMs` lies in. Rebuilt at most once a second.
   */
  head(nowMs: number): Buffer;
  readonly body: Buffer;
}

/** What a request may say besides and still be answered from bytes that are ready. */
export interface PreparedRequest {
  /** How the client came: the scheme is part of a page's key. Default `http`. */
  readonly scheme?: 'http' | 'https';
  /** Value of its only condition. Where it holds the answer is a 304 without a body. */
  readonly ifNoneMatch?: string | undefined;
}

/**
 * Finds the fresh answer to a plain GET (no other condition, no range, authorization or cache-control field; cookies only
 * when the page does not depend on them). Undefined whenever the full path must decide. Synchronous and without side
 * effects other than counting the hit.
 */
export type PreparedAnswers = (
  authority: string,
  target: string,
  acceptEncoding: string,
  nowMs: number,
  request?: PreparedRequest,
) => PreparedAnswer | undefined;
