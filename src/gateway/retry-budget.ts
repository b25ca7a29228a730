/**
 * Bounds retries to a share of the requests, so that an upstream in trouble is not finished off by them. A token bucket:
 * each request puts in `share`, each retry takes 1. The reserve lets a quiet service retry at all.
 */
export class RetryBudget {
  readonly #share: number;
  readonly #most: number;
  #tokens: number;

  constructor(share: number, reserve = 10) {
    this.#share = share;
    this.#most = share === 0 ? 0 : reserve;
    this.#tokens = this.#most;
  }

  onRequest(): void {
    if (this.#tokens < this.#most) this.#tokens += this.#share;
  }

  /** Whether a retry may be made; takes its token. */
  take(): boolean {
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}
