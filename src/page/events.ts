/** What the page room reports. */
export interface PageEvents {
  /** A page was stored for the first time or anew. */
  stored: { readonly url: string; readonly route: string; readonly bytes: number; readonly renderMs: number };
  /** Fetching a page failed; `servedStale` when clients got the last good one. */
  fillFailed: { readonly url: string; readonly route: string; readonly error: unknown; readonly servedStale: boolean };
  invalidated: {
    readonly tags: readonly string[];
    readonly paths: readonly string[];
    readonly all: boolean;
    readonly soft: boolean;
  };
}
