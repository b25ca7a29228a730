/**
 * `half-open`: a few calls are let through, then a growing share. `isolated`: opened by hand, until closed by hand.
 */
export type BreakerState = 'closed' | 'open' | 'half-open' | 'isolated';

/** Why a breaker changed its state. */
export type BreakerReason =
  | 'failureRate'
  | 'failures'
  | 'consecutiveFailures'
  | 'slowCallRate'
  /** Another process had opened, and this one saw a failure too. */
  | 'hinted'
  | 'trialFailed'
  | 'openTimePassed'
  | 'recovered'
  | 'byHand';

export interface BreakerEvents {
  stateChanged: {
    readonly name: string;
    readonly from: BreakerState;
    readonly to: BreakerState;
    readonly reason: BreakerReason;
    /** How long it stays open, ms; 0 in other states. */
    readonly openForMs: number;
  };
  /** The share of calls let through while half-open changed. */
  shareChanged: { readonly name: string; readonly share: number };
}
