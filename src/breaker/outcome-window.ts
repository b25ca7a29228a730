const BUCKETS = 10;
const CALLS = 0;
const FAILURES = 1;
const SLOW = 2;
const FIELDS = 3;

/**
 * Calls, failures and slow calls of the last window, in ten buckets that are emptied when time comes round to them:
 * nothing runs between calls, and no timer does.
 */
export class OutcomeWindow {
  readonly #bucketMs: number;
  readonly #counts = new Uint32Array(BUCKETS * FIELDS);
  #bucket = 0;
  #bucketEndsMs = 0;
  calls = 0;
  failures = 0;
  slow = 0;

  constructor(windowMs: number) {
    this.#bucketMs = windowMs / BUCKETS;
  }

  record(failed: boolean, slow: boolean, nowMs: number): void {
    this.advance(nowMs);
    const at = (this.#bucket % BUCKETS) * FIELDS;
    this.#counts[at + CALLS]!++;
    this.calls++;
    if (failed) {
      this.#counts[at + FAILURES]!++;
      this.failures++;
    }
    if (slow) {
      this.#counts[at + SLOW]!++;
      this.slow++;
    }
  }

  /** Forgets what is older than the window. A time before the running bucket counts in it. */
  advance(nowMs: number): void {
    if (nowMs < this.#bucketEndsMs) return;
    const bucket = Math.floor(nowMs / this.#bucketMs);
    const passed = Math.min(BUCKETS, bucket - this.#bucket);
    for (let i = 1; i <= passed; i++) this.#empty(((this.#bucket + i) % BUCKETS) * FIELDS);
    this.#bucket = bucket;
    this.#bucketEndsMs = (bucket + 1) * this.#bucketMs;
  }

  clear(): void {
    this.#counts.fill(0);
    this.calls = this.failures = this.slow = 0;
  }

  #empty(at: number): void {
    this.calls -= this.#counts[at + CALLS]!;
    this.failures -= this.#counts[at + FAILURES]!;
    this.slow -= this.#counts[at + SLOW]!;
    this.#counts.fill(0, at, at + FIELDS);
  }
}
