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
}
