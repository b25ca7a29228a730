/** What a limiter reports. Keys are as counted: addresses by subnet, API keys as digests. */
export interface LimitEvents {
  /** A request was refused (`shadow`: would have been). */
  refused: {
    readonly key: string;
    readonly policy: string;
    readonly limit: number;
    readonly retryAfterMs: number;
    readonly shadow: boolean;
  };
  /** A calendar quota passed 80 % or was used up. */
  quotaReached: {
    readonly key: string;
    readonly policy: string;
    readonly share: 0.8 | 1;
    readonly used: number;
    readonly limit: number;
  };
  /** The shared store missed its deadline three times within a second; decisions go by `onStoreFailure` now. */
  storeDown: { readonly error: unknown };
  /** The store decides again. */
  storeUp: { readonly downForMs: number };
}
