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

/**
 * Finds the fresh answer to a plain GET (no conditional, range, authorization or cache-control field; cookies only when
 * the page does not depend on them). Undefined whenever the full path must decide. Synchronous and without side effects
 * other than counting the hit.
 */
export type PreparedAnswers = (
  authority: string,
  target: string,
  acceptEncoding: string,
  nowMs: number,
) => PreparedAnswer | undefined;
