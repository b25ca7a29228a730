import type { Endpoint } from '../endpoint.ts';

/** What is known about the request an endpoint is picked for. */
export interface PickContext {
  /** What strategies that hash hash: a client's address, a user, a session. */
  readonly hashKey?: string | undefined;
  /** Subscription tier of whoever asks: endpoints reserved for it come first. */
  readonly tier?: string | undefined;
  /** Address of the endpoint that served this client before: taken again while it can be. */
  readonly stickTo?: string | undefined;
  /** Endpoints that have failed this request already: avoided while there are others. */
  readonly tried?: readonly Endpoint[] | undefined;
}

/** What a strategy sees of the fleet. */
export interface Fleet {
  /** Monotonic ms. */
  readonly nowMs: number;
  /** An endpoint's weight at this moment: less than its own while it starts slowly. */
  weightOf(endpoint: Endpoint): number;
}

/** Chooses among endpoints that may all be used; there are at least two. */
export interface Strategy {
  choose(candidates: readonly Endpoint[], context: PickContext, fleet: Fleet): Endpoint;
  /** Hears how each request ended; only strategies that learn have it. */
  learn?(endpoint: Endpoint, failed: boolean, latencyMs: number, retryAfterMs: number, nowMs: number): void;
}
