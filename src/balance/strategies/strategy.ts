import type { Endpoint } from '../endpoint.ts';

/** What a strategy may look at beside the endpoints. */
export interface PickContext {
  /** What strategies that hash hash: a client's address, a user, a session. */
  readonly hashKey?: string | undefined;
  /** Endpoints that have failed this request already: avoided while there are others. */
  readonly tried?: readonly Endpoint[] | undefined;
}

/** Chooses among endpoints that may all be used; there is at least one. */
export interface Strategy {
  choose(candidates: readonly Endpoint[], context: PickContext): Endpoint;
}
