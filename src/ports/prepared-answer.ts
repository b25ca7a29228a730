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

/** A plain GET: no other condition, no range, authorization or cache-control field; cookies only where no page depends on them. */
export interface PreparedRequest {
  /** The whole of what is asked for, in its normal spelling: `http://example.com/plans?sort=price`. */
  readonly url: string;
  /** `''` where the client names none. */
  readonly acceptEncoding: string;
  /** Value of its only condition. Where it holds the answer is a 304 without a body. */
  readonly ifNoneMatch?: string | undefined;
}

/**
 * Finds the fresh answer to a plain GET. Undefined whenever the full path must decide. Synchronous and without side
 * effects other than counting the hit.
 */
export type PreparedAnswers = (request: PreparedRequest, nowMs: number) => PreparedAnswer | undefined;
